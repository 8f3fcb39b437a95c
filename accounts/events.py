"""What open connections of an account are told: that it may not listen any more."""

import asyncio
from typing import Any
from uuid import UUID

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

log = structlog.get_logger(__name__)

SEND_SECONDS = 1.0  # a Redis that does not answer may cost an act this much; it hears nothing then and closes anyway


def group_of(user_id: Any) -> str:
    return f"account-{user_id}"


def end_connections(user_id: UUID) -> None:
    """Once the change is committed, every open socket of the account closes."""
    transaction.on_commit(lambda: _tell(user_id))


def _tell(user_id: UUID) -> None:
    try:
        async_to_sync(_send)(group_of(user_id))
    except Exception as error:  # any transport fault; what is committed stays
        log.warning("connections_not_ended", user=str(user_id), error=str(error) or type(error).__name__)


async def _send(group: str) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await get_channel_layer().group_send(group, {"type": "access.ended"})
