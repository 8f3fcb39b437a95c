"""What open pages are told: small facts with ids; a page fetches what it shows with its own rights."""

import asyncio
import time

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

log = structlog.get_logger(__name__)

FLOOR_GROUP = "floor"
SEND_SECONDS = 1.0  # a Redis that does not answer may cost an act this much, not more
PAUSE_SECONDS = 1.0  # after a failure nobody tries for so long: one act sends several messages


class _Trouble:
    until = float("-inf")


def publish(event: str, record_id: object = "") -> None:
    """Tell every open page. The data is committed already: a missing Redis costs the page its speed, not the act.

    What is not sent is not lost: pages ask again by themselves, while they are cut off and every minute.
    """
    if time.monotonic() < _Trouble.until:
        return
    message = {"type": "floor.event", "event": event, "id": str(record_id)}
    try:
        async_to_sync(_send)(message)
    except Exception as error:  # any transport fault: Redis down or silent, full channel, broken connection
        _Trouble.until = time.monotonic() + PAUSE_SECONDS
        log.warning("live_update_not_sent", floor_event=event, error=str(error) or type(error).__name__)


async def _send(message: dict[str, str]) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await get_channel_layer().group_send(FLOOR_GROUP, message)


def publish_line(line_id: object) -> None:
    publish("line", line_id)
