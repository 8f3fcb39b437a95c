"""The doors of devices: readings over HTTP, acknowledged when they are committed.

Plain views: a serializer a reading would take four times as long. A device shows the key of its source.
"""

import time
import zlib
from collections.abc import Callable
from dataclasses import asdict
from threading import BoundedSemaphore
from typing import ClassVar
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from telemetry.formats import json_readings, line_protocol
from telemetry.points import Sent
from telemetry.queries.catalogue import KnownSource, SourceGone, find_source
from telemetry.services.ingest import Taken, take

log = structlog.get_logger(__name__)

MAX_BYTES = 16 * 1024 * 1024  # of a body, unpacked: some 200,000 readings
AT_ONCE = BoundedSemaphore(8)  # bodies in memory; who comes when all are taken is told to come again
WAIT_SECONDS = 2.0
BURST_SECONDS = 2.0  # a source may send so much at once


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


@csrf_exempt
@require_POST
def readings(request: HttpRequest) -> HttpResponse:
    """JSON rows or columns (`telemetry.formats.json_readings`). Answers what became of them, in numbers."""

    def read(body: bytes) -> Sent:
        try:
            return json_readings.read(body)
        except json_readings.Unreadable as wrong:
            raise Refused(400, "invalid", str(wrong)) from wrong

    try:
        taken = _received(request, read)
    except Refused as refused:
        return _refusal(refused)
    return JsonResponse(asdict(taken), status=507 if taken.refused else 200)


@csrf_exempt
@require_POST
def influx_write(request: HttpRequest) -> HttpResponse:
    """InfluxDB's `/api/v2/write`: Telegraf and its kin work unchanged. `org` and `bucket` say nothing here."""
    precision = request.GET.get("precision", "ns")
    try:
        if precision not in line_protocol.PRECISIONS:
            raise Refused(400, "invalid", f"precision is one of {', '.join(line_protocol.PRECISIONS)}")
        taken = _received(request, lambda body: line_protocol.read(body, precision, time.time_ns() // 1000))
    except Refused as refused:
        return _refusal(refused)
    if taken.refused:
        return _refusal(Refused(400, "invalid", f"partial write: dropped={taken.refused}; {_too_many()}"))
    return HttpResponse(status=204)


def _received(request: HttpRequest, read: Callable[[bytes], Sent]) -> Taken:
    scheme, _space, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in {"token", "bearer"}:
        raise _unknown_key()
    if not AT_ONCE.acquire(timeout=WAIT_SECONDS):
        raise Refused(503, "unavailable", _("Too many at once; come again."), retry_after=1)
    try:
        allowance = _Allowance.of(find_source(lambda known: known.source_of(key.strip())))
        sent = read(_body(request))
        allowance.spend(len(sent.names) + len(sent.odd))
        return take(lambda known: known.source_of(key.strip()), sent)
    except SourceGone:
        raise _unknown_key() from None
    except (OperationalError, InterfaceError) as error:
        log.warning("readings_not_stored", error=str(error))
        raise Refused(503, "unavailable", _("Nothing was stored; send it again."), retry_after=5) from error
    finally:
        AT_ONCE.release()


def _unknown_key() -> Refused:
    return Refused(401, "unauthorized", _("Show the key of a data source: “Authorization: Token …”."))


def _too_many() -> str:
    return _("so many readings of this source are held back already that no more are kept")


class _Allowance:
    """Readings a source may send, filled up by the second; of this process."""

    kept: ClassVar[dict[UUID, "_Allowance"]] = {}

    def __init__(self, a_second: int) -> None:
        self.a_second, self.left, self.at = a_second, a_second * BURST_SECONDS, time.monotonic()

    @classmethod
    def of(cls, source: KnownSource) -> "_Allowance":
        """Raises Refused (429) for a source that sent too much lately."""
        own = cls.kept.get(source.id)
        if own is None or own.a_second != source.points_per_second:
            own = cls.kept[source.id] = cls(source.points_per_second)
        now = time.monotonic()
        own.left = min(own.left + (now - own.at) * own.a_second, own.a_second * BURST_SECONDS)
        own.at = now
        if own.left <= 0:
            wait = int(-own.left / own.a_second) + 1
            raise Refused(429, "too many requests", _("More readings a second than this source may send."), wait)
        return own

    def spend(self, number: int) -> None:
        self.left -= number


def _body(request: HttpRequest) -> bytes:
    """The body, unpacked; never more of it in memory than may be sent."""
    too_large = Refused(413, "request too large", _("More than %(limit)d bytes.") % {"limit": MAX_BYTES})
    announced = int(request.headers.get("content-length") or 0)
    if announced > MAX_BYTES:
        raise too_large
    body = request.read(MAX_BYTES + 1)
    if len(body) < announced:  # half a message ends in half a number
        raise Refused(400, "invalid", _("The body ended too early."))
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "gzip":
        try:
            packed = zlib.decompressobj(wbits=31)
            body = packed.decompress(body, MAX_BYTES + 1)
        except zlib.error as wrong:
            raise Refused(400, "invalid", _("The body is not gzip.")) from wrong
        if len(body) <= MAX_BYTES and not packed.eof:
            raise Refused(400, "invalid", _("The body ended too early."))
    elif encoding not in {"identity", ""}:
        raise Refused(415, "invalid", _("Content-Encoding is gzip or nothing."))
    if len(body) > MAX_BYTES:
        raise too_large
    return body


def _refusal(refused: Refused) -> HttpResponse:
    """As InfluxDB's clients read it."""
    answer = JsonResponse({"code": refused.code, "message": refused.message}, status=refused.status)
    if refused.retry_after:
        answer["Retry-After"] = str(refused.retry_after)
    if refused.status == 401:
        answer["WWW-Authenticate"] = "Token"
    return answer
