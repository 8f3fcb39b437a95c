"""An outside clock for checkpoints: tokens of a time stamping authority (RFC 3161). Off unless JOURNAL_TSA_URL is set.

A token says that these bytes existed at that time, signed by somebody who has nothing to do with the plant. It is kept
only when it verifies against JOURNAL_TSA_CERTIFICATE. An authority that is gone delays tokens, and nothing else.
"""

import datetime as dt
import hashlib
import urllib.error
import urllib.request
from pathlib import Path

import structlog
from cryptography import x509
from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit.context import Installation, act_as
from audit.journal import change
from audit.models import Heartbeat, Timestamp
from audit.queries.seal_state import SealState, seal_state

log = structlog.get_logger(__name__)

TIMESTAMP = "timestamp"  # heartbeat
EVERY = dt.timedelta(hours=1)
ANSWERS_WITHIN = 10  # seconds
LARGEST_ANSWER = 1024 * 1024


class Timekeeper(Installation):
    printed_name = "Genba (timestamps)"


class TimestampRefused(Exception):
    """The authority did not answer, or not with a token over these bytes that its certificate stands for."""


def stamp_when_due() -> bool:
    """Beat asks every few minutes, so that a failure is tried again. Returns whether a token was kept."""
    if not settings.JOURNAL_TSA_URL:
        return False
    state, last = seal_state(), Timestamp.objects.order_by("-id").first()
    now = timezone.now()
    if not state.note or (last and ((last.epoch, last.size) == (state.epoch, state.size) or now - last.at < EVERY)):
        return False
    error = ""
    try:
        _keep(state, token_over(state.note.encode()))
    except TimestampRefused as refused:
        error = str(refused)
        log.error("checkpoint_not_timestamped", authority=settings.JOURNAL_TSA_URL, error=error)
    Heartbeat.objects.update_or_create(name=TIMESTAMP, defaults={"at": now, "facts": {"error": error}})
    return not error


def token_over(content: bytes) -> TimeStampResponse:
    """Asks the authority. Raises TimestampRefused."""
    asked = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = _post(asked.as_bytes())
    return verified(answer, content, nonce=asked.nonce)


def verified(answer: bytes, content: bytes, *, nonce: int | None = None) -> TimeStampResponse:
    """The token in an answer, if it is one over `content` that the trusted certificate stands for."""
    builder = VerifierBuilder(nonce=nonce, roots=_roots())
    try:
        response = decode_timestamp_response(answer)
        builder.build().verify(response, hashlib.sha256(content).digest())
    except (VerificationError, ValueError) as refused:
        raise TimestampRefused(str(refused)) from refused
    return response


def _roots() -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(Path(settings.JOURNAL_TSA_CERTIFICATE).read_bytes())
    except (OSError, ValueError) as reason:
        raise TimestampRefused(f"JOURNAL_TSA_CERTIFICATE cannot be read: {reason}") from reason


def _post(body: bytes) -> bytes:
    url = settings.JOURNAL_TSA_URL
    if not url.startswith(("http://", "https://")):
        raise TimestampRefused("JOURNAL_TSA_URL is no http address")
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/timestamp-query"})  # noqa: S310 checked above
    try:
        with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN) as answer:  # noqa: S310 checked above
            found: bytes = answer.read(LARGEST_ANSWER)
            return found
    except (urllib.error.URLError, OSError) as reason:
        raise TimestampRefused(f"the authority does not answer: {reason}") from reason


def _keep(state: SealState, response: TimeStampResponse) -> None:
    info = response.tst_info
    with act_as(Timekeeper(), source="task:audit.timestamp"):
        try:
            with change("timestamp_checkpoint"):
                Timestamp.objects.create(
                    epoch=state.epoch,
                    size=state.size,
                    digest=hashlib.sha256(state.note.encode()).hexdigest(),
                    certified_at=info.gen_time,
                    authority=settings.JOURNAL_TSA_URL[:300],
                    serial=str(info.serial_number),
                    token=response.as_bytes(),
                )
        except IntegrityError:  # another worker was faster
            log.info("checkpoint_timestamped_already", epoch=state.epoch, size=state.size)
