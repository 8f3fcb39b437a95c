"""Can I trust the records now? The page, and the checkpoint as something to take away and to compare with."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from kombu.exceptions import OperationalError

from audit import checkpoint_mail
from audit.checkpoint import LARGEST_NOTE
from audit.errors import Conflict, NotFound
from audit.models import JournalSeal, Timestamp
from audit.queries.compare import Comparison, as_kept, compare
from audit.queries.health import health
from audit.queries.seal_state import seal_state
from audit.tasks import verify_journal
from mfg_project.common.formats import both_zones, number
from mfg_project.common.pages import allowed, render_page
from mfg_project.trail.access import require_trail_of_everything
from mfg_project.trail.integrity_words import integrity_context
from mfg_project.trail.process_words import process_rows
from mfg_project.trail.sheet import sheet_of

READ_TRAIL = "audit.view_journalentry"
VERIFY = "audit.add_verificationrun"
VERIFICATION_WAITS = 600  # seconds in the queue; nobody waits longer for an answer, and the night asks anyway


@require_safe
@allowed(READ_TRAIL)
def integrity(request: HttpRequest) -> HttpResponse:
    require_trail_of_everything()  # findings name records of every line
    context = integrity_context(health()) | {"can_verify": request.user.has_perm(VERIFY), "processes": process_rows()}
    return render_page(request, "trail/integrity.html", "trail/_integrity.html", context, targets=["integrity"])


@require_POST
@allowed(VERIFY)
def verify_now(request: HttpRequest) -> HttpResponse:
    """What the night does, now: by the worker, as it reads everything there is."""
    require_trail_of_everything()
    try:
        verify_journal.apply_async(kwargs={"asked_by": str(request.user.pk)}, expires=VERIFICATION_WAITS, retry=False)
    except OperationalError:  # the broker does not answer
        messages.error(request, _("The worker cannot be reached. Nothing was started; try again in a minute."))
    else:
        messages.success(request, _("The verification was handed to the worker. Its result appears here by itself."))
    return redirect("trail:integrity")


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(READ_TRAIL)
def checkpoint(request: HttpRequest) -> HttpResponse:
    """A sheet to print; and whether a note somebody kept is the beginning of this log (that changes nothing)."""
    kept = request.POST.get("note", "")
    compared = compare(as_kept(kept)) if kept.strip() and len(kept) <= LARGEST_NOTE else None
    state = seal_state()
    context = {
        "sheet": sheet_of(state),
        "printed_at": both_zones(state.now),
        "kept": kept[:LARGEST_NOTE],
        "compared": _compared(compared) if compared else None,
        "can_send": request.user.has_perm(checkpoint_mail.SEND),
        "addresses": ", ".join(settings.JOURNAL_WITNESS_EMAILS),
    }
    return render_page(request, "trail/checkpoint.html", "trail/_compared.html", context, targets=["compared"])


@require_POST
@allowed(READ_TRAIL)
def send_checkpoint(request: HttpRequest) -> HttpResponse:
    try:
        checkpoint_mail.send()
    except Conflict as refused:
        messages.error(request, str(refused))
    else:
        to = ", ".join(settings.JOURNAL_WITNESS_EMAILS)
        messages.success(request, _("The checkpoint is on its way to %(to)s.") % {"to": to})
    return redirect("trail:checkpoint")


@require_safe
@allowed(READ_TRAIL)
def checkpoint_note(request: HttpRequest) -> HttpResponse:
    """The newest signed note as a file, for a witness of one's own."""
    state = seal_state()
    if not state.note:
        raise NotFound(_("Nothing is sealed yet."))
    return _as_file(state.note.encode(), f"checkpoint-{state.epoch}-{state.size}.txt", "text/plain; charset=utf-8")


@require_safe
@allowed(READ_TRAIL)
def timestamp_token(request: HttpRequest, pk: int) -> HttpResponse:
    """The answer of the authority as it came (RFC 3161), for `openssl ts -verify`."""
    stamp = _timestamp(pk)
    return _as_file(bytes(stamp.token), f"checkpoint-{stamp.epoch}-{stamp.size}.tsr", "application/timestamp-reply")


@require_safe
@allowed(READ_TRAIL)
def timestamp_note(request: HttpRequest, pk: int) -> HttpResponse:
    """The checkpoint a token is over."""
    stamp = _timestamp(pk)
    seal = JournalSeal.objects.filter(epoch=stamp.epoch, size=stamp.size).first()
    if seal is None:
        raise NotFound(_("The checkpoint of this timestamp is gone."))
    return _as_file(seal.note.encode(), f"checkpoint-{stamp.epoch}-{stamp.size}.txt", "text/plain; charset=utf-8")


def _timestamp(pk: int) -> Timestamp:
    stamp = Timestamp.objects.filter(pk=pk).first()
    if stamp is None:
        raise NotFound(_("There is no such timestamp."))
    return stamp


def _as_file(content: bytes, name: str, content_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)


def _compared(found: Comparison) -> dict[str, Any]:
    told = found.told
    return {
        "outcome": found.outcome.value,
        "text": str(found.outcome.label),
        "level": "success" if found.is_good else "error",
        "told_size": number(told.size) if told else "",
        "told_at": (told.extension("time") or "") if told else "",
        "epoch": found.epoch,
        "size": number(found.size),
        "is_proof_incomplete": found.is_proof_incomplete,
    }
