"""The signature page: what waits for my signature, what I signed, and who has not signed yet."""

from itertools import groupby
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit.access import visible
from audit.models import Signature
from audit.paging import FirstPages
from audit.signatures import meaning_label, signed_when
from audit.transitions import signable_steps
from mfg_project.common.pages import allowed, asked_text, csv_response, query_without, render_page
from mfg_project.signing.rows import AT_MOST, WaitingRow, what_waits

SIGN = "audit.add_signature"
PER_PAGE = 50
RECORD_PAGES = {"production.workorder": "production:work-order-detail"}


@require_safe
@allowed(SIGN)
def waiting(request: HttpRequest) -> HttpResponse:
    rows, unfinished, is_cut = what_waits(request.user, now=timezone.now())
    context = {"tab": "waiting", "groups": _by_step(rows), "waiting": len(rows), "unfinished": len(unfinished)}
    return _page(request, "_waiting", context | {"is_cut": is_cut, "at_most": AT_MOST})


@require_safe
@allowed(SIGN)
def unfinished(request: HttpRequest) -> HttpResponse:
    rows, started, is_cut = what_waits(request.user, now=timezone.now())
    columns = [_("Record"), _("Step"), _("Signed by"), _("Waits for"), _("Since")]
    context = {"tab": "open", "rows": started, "columns": columns, "waiting": len(rows), "unfinished": len(started)}
    return _page(request, "_open", context | {"is_cut": is_cut, "at_most": AT_MOST})


@require_safe
@allowed(SIGN)
def mine(request: HttpRequest) -> HttpResponse:
    page = FirstPages(_mine(request), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "tab": "mine",
        "rows": [_signed_row(signature) for signature in page],
        "columns": [_("Record"), _("Step"), _("Meaning"), _("Signed at"), _("Comment")],
        "page": page,
        "query": query_without(request, "page"),
        "search": asked_text(request, "q"),
    }
    return _page(request, "_mine", context)


@require_safe
@allowed(SIGN)
def mine_csv(request: HttpRequest) -> HttpResponse:
    header = [
        _("Time"), _("Type"), _("Record"), _("Record version"), _("Step"), _("Meaning"), _("Comment"), _("SHA-256"),
        _("Name"), _("Role"),
    ]  # fmt: skip
    rows = [_csv_row(signature) for signature in _mine(request)[: FirstPages.MOST]]
    return csv_response(f"my-signatures-{timezone.localdate():%Y-%m-%d}.csv", header, rows)


def _page(request: HttpRequest, part: str, context: dict[str, Any]) -> HttpResponse:
    context |= {"part": f"signing/{part}.html"}
    return render_page(request, "signing/page.html", context["part"], context, targets=["signatures"])


def _by_step(rows: list[WaitingRow]) -> list[dict[str, Any]]:
    """Records of the same step, which may be signed together."""
    ordered = sorted(rows, key=lambda row: row.transition)
    groups = [(transition, list(some)) for transition, some in groupby(ordered, key=lambda row: row.transition)]
    return [_group(transition, some) for transition, some in groups]


def _group(transition: str, rows: list[WaitingRow]) -> dict[str, Any]:
    may_choose, quiet = len(rows) > 1, [_("Choose"), _("Sign")]
    columns = [_("Record"), _("I would mean"), _("Already signed by"), _("Since"), quiet[1]]
    return {
        "transition": transition,
        "step": rows[0].step,
        "rows": rows,
        "may_choose": may_choose,
        "columns": [quiet[0], *columns] if may_choose else columns,
        "quiet": quiet,
    }


def _mine(request: HttpRequest) -> QuerySet[Signature]:
    found = visible(Signature.objects.filter(signer_id=request.user.pk))
    for word in asked_text(request, "q").split():
        found = found.filter(
            Q(record_name__icontains=word) | Q(comment__icontains=word) | Q(meaning_label__icontains=word)
        )
    return found.order_by("-signed_at", "-id")


def _signed_row(signature: Signature) -> dict[str, Any]:
    return {
        "name": signature.record_name or signature.record_pk,
        "type": _type_words(signature.record_label),
        "url": _record_url(signature),
        "step": step_words(signature),
        "took": bool(signature.new_state) or not signature.transition,
        "meaning": meaning_label(signature),
        "when": signed_when(signature),
        "comment": signature.comment,
        "version": signature.record_version,
    }


def _csv_row(signature: Signature) -> list[Any]:
    return [
        signed_when(signature),
        _type_words(signature.record_label),
        signature.record_name or signature.record_pk,
        signature.record_version,
        step_words(signature),
        meaning_label(signature),
        signature.comment,
        signature.digest,
        signature.signer_name,
        signature.signer_title,
    ]


def _type_words(label: str) -> str:
    models = {known: model for (known, _transition), (model, _edge) in signable_steps().items()}
    return str(capfirst(models[label]._meta.verbose_name)) if label in models else label


def step_words(signature: Signature) -> str:
    known = signable_steps().get((signature.record_label, signature.transition))
    return str(known[1].label) if known else signature.transition


def _record_url(signature: Signature) -> str:
    try:
        return reverse(RECORD_PAGES[signature.record_label], args=[signature.record_pk])
    except (KeyError, NoReverseMatch):
        return ""
