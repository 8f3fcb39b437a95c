"""What open pages are told: small facts with ids; a page fetches what it shows with its own rights."""

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

log = structlog.get_logger(__name__)

FLOOR_GROUP = "floor"


def publish(event: str, record_id: object) -> None:
    """Tell every open page. The data is committed already: a missing Redis costs the page its speed, not the act."""
    message = {"type": "floor.event", "event": event, "id": str(record_id)}
    try:
        async_to_sync(get_channel_layer().group_send)(FLOOR_GROUP, message)
    except Exception as error:  # any transport fault: Redis down, full channel, broken connection
        log.warning("live_update_not_sent", floor_event=event, error=str(error))


def publish_line(line_id: object) -> None:
    publish("line", line_id)
