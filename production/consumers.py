import asyncio
import contextlib
from typing import Any

import structlog
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.events import group_of
from accounts.models import User
from equipment.events import FLOOR_GROUP

HEARTBEAT_SECONDS = 15
FORBIDDEN = 4403
TRY_AGAIN_LATER = 1013

log = structlog.get_logger(__name__)


class FloorConsumer(AsyncJsonWebsocketConsumer):
    """Server to browser only; anything a browser wants to change goes through a view."""

    heartbeat: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Without Redis nothing can be heard: the socket closes, the page polls meanwhile and knocks again."""
        try:
            await super().__call__(scope, receive, send)
        except (RedisError, OSError) as error:
            log.warning("live_connection_lost", error=str(error) or type(error).__name__)
            with contextlib.suppress(Exception):  # it may be closed already
                await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
        finally:
            if self.heartbeat:
                self.heartbeat.cancel()

    async def connect(self) -> None:
        user = self.scope.get("user")
        if user is None or not await user.ahas_perm("equipment.view_productionline"):
            await self.close(code=FORBIDDEN)
            return
        await self.channel_layer.group_add(group_of(user.pk), self.channel_name)
        if not await User.objects.filter(pk=user.pk, is_active=True).aexists():  # while we were knocking
            await self.close(code=FORBIDDEN)
            return
        await self.channel_layer.group_add(FLOOR_GROUP, self.channel_name)
        await self.accept()
        self.heartbeat = asyncio.create_task(self._beat())

    async def disconnect(self, code: int) -> None:
        with contextlib.suppress(Exception):  # a lost Redis must not keep the socket from closing
            await self.channel_layer.group_discard(FLOOR_GROUP, self.channel_name)
            if user := self.scope.get("user"):
                await self.channel_layer.group_discard(group_of(user.pk), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Nothing a browser sends is acted on."""

    async def access_ended(self, _event: dict[str, Any]) -> None:
        """The account was deactivated, or has another password: nothing more is heard here."""
        await self.close(code=FORBIDDEN)

    async def floor_event(self, event: dict[str, Any]) -> None:
        await self.send_json({"event": event["event"], "id": event["id"]})

    async def _beat(self) -> None:
        """A silent connection and a dead one look alike to a browser; the tick tells them apart, and sets its clock."""
        while True:
            await self.send_json({"event": "tick", "id": "", "at": timezone.now().isoformat()})
            await asyncio.sleep(HEARTBEAT_SECONDS)
