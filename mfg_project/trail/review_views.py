"""Reviewing the audit trail: what is due, what stands out in it, and the signature over it."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from audit.canonical import canonical_json, digest, plain
from audit.errors import DomainError, InvalidInput, MissingPermission, NotFound, SignatureRefused, StaleVersion
from audit.models import TrailReview
from audit.models.review import EVERYTHING
from audit.queries.review import review_due
from audit.seal_wait import wait_for_seal
from audit.signatures import Meaning, signatures_of
from audit.signing_forms import SignatureForm
from mfg_project.common.formats import both_zones, number
from mfg_project.common.pages import allowed, is_fragment
from mfg_project.trail.access import require_trail_of_everything
from mfg_project.trail.names import journalled_models, table_label
from mfg_project.trail.review_kinds import KINDS
from mfg_project.trail.review_words import content_rows, counts_rows, period_words, remark_row, review_row, scope_text
from mfg_project.trail.reviews import REVIEW, checked_scope, drafted, period_to_review, read_period, sign_review

VIEW = "audit.view_trailreview"
DRAFT = "trail_review"  # in the session
MEANINGS = (Meaning.TRAIL_REVIEWED,)
SHOWN = 50
LARGEST_ID = 2**63


@require_safe
@allowed(VIEW)
def reviews(request: HttpRequest) -> HttpResponse:
    require_trail_of_everything()
    rows = TrailReview.objects.select_related("reviewer").order_by("-until")[:SHOWN]
    due = review_due(EVERYTHING)
    context = {
        "rows": [review_row(review) for review in rows],
        "due": {
            "since": plant_minute(due.since) if due.since else "",
            "at": plant_minute(due.due_at) if due.due_at else "",
            "is_overdue": due.is_overdue,
        },
        "can_review": request.user.has_perm(REVIEW),
        "types": sorted(((table, table_label(table)) for table in journalled_models()), key=lambda row: row[1]),
    }
    return render(request, "trail/reviews.html", context)


@require_safe
@allowed(VIEW)
def review(request: HttpRequest, pk: UUID) -> HttpResponse:
    require_trail_of_everything()
    found = TrailReview.objects.select_related("reviewer", "follows").filter(pk=pk).first()
    if found is None:
        raise NotFound(_("There is no such review."))
    context = {
        "review": found,
        "row": review_row(found),
        "made_at": both_zones(found.made_at),
        "counts": counts_rows(found.counts),
        "exceptions": [(kind.label, number(n)) for kind in KINDS if (n := found.exceptions.get(kind.code))],
        "remarks": [remark_row(remark) for remark in found.remarks],
        "signatures": signatures_of(found),
    }
    return render(request, "trail/review.html", context)


@require_safe
@allowed(REVIEW)
def new_review(request: HttpRequest) -> HttpResponse:
    """By exception first, then all; every exception may get a remark."""
    require_trail_of_everything()
    due = review_due(checked_scope(_scope(request.GET)))
    until = read_end(request.GET.get("until", "")) or proposed_end(due.since)
    context: dict[str, Any] = {
        "scope": due.scope,
        "scope_text": scope_text(due.scope),
        "since": both_zones(due.since) if due.since else "",
        "until_input": f"{timezone.localtime(until):%Y-%m-%dT%H:%M}",
        "is_first": due.last is None,
        "before": due.last,
        "draft": _draft(request, due.scope),
    }
    try:
        period = period_to_review(scope=due.scope, until=until)
        found = read_period(period)
    except MissingPermission:
        raise
    except DomainError as refused:
        return render(request, "trail/review_new.html", context | {"refused": str(refused)}, status=409)
    return render(request, "trail/review_new.html", context | period_words(period, found, context["draft"]["remarks"]))


@sensitive_post_parameters()
@require_POST
@allowed(REVIEW)
def sign(request: HttpRequest) -> HttpResponse:
    """First what is signed, with its digest; then, with the password, the signature."""
    require_trail_of_everything()
    try:
        given = _given(request)
        if "digest" not in request.POST:
            _keep_draft(request, given)
            return _dialog(request, given)
        form = SignatureForm(request.POST, request=request, meanings=MEANINGS)
        if not form.is_valid():
            return _dialog(request, given, form=form, status=422)
        return _signed(request, given, form)
    except MissingPermission:
        raise
    except DomainError as refused:
        return _dialog(request, None, refused=str(refused), status=409)


def _signed(request: HttpRequest, given: dict[str, Any], form: SignatureForm) -> HttpResponse:
    try:
        made = sign_review(**given, signing=form.signing(form.confirm()))
    except StaleVersion as changed:
        return _dialog(request, given | {"sealed": None}, changed=str(changed), status=409)
    except SignatureRefused as refused:
        form.show_refusal(refused)
        return _dialog(request, given, form=form, status=422)
    request.session.pop(DRAFT, None)
    sealed = wait_for_seal(signatures_of(made)[0].signature)
    said = _("The review is signed: %(seal)s") % {"seal": _("sealed") if sealed else _("pending seal")}
    messages.success(request, said)
    url = reverse("trail:review", args=[made.pk])
    return HttpResponseClientRedirect(url) if is_fragment(request, "modal-content") else redirect(url)


def _dialog(
    request: HttpRequest,
    given: dict[str, Any] | None,
    *,
    form: SignatureForm | None = None,
    refused: str = "",
    changed: str = "",
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {"refused": refused, "changed": changed, "form": form}
    if given is not None:
        period = period_to_review(scope=given["scope"], until=given["until"], sealed=given["sealed"])
        content = drafted(period, remarks=given["remarks"], conclusion=given["conclusion"]).signed_content()
        found = plain(content)
        context |= {
            "given": given,
            "sealed": f"{period.checkpoint.epoch}-{period.checkpoint.size}",
            "until_input": given["until"].isoformat(),
            "rows": content_rows(found),
            "canonical": canonical_json(content).decode(),
            "digest": digest(content),
            "form": form
            or SignatureForm(request=request, meanings=MEANINGS, initial={"digest": digest(content), "step": 1}),
        }
        context["form"].comes_back_to = _page_of(given)
    template = "trail/_sign_review.html"
    if not is_fragment(request, "modal-content"):
        return render(request, "trail/dialog_page.html", context | {"partial": template}, status=status)
    return render(request, template, context, status=status)


def _page_of(given: dict[str, Any]) -> str:
    """Where the draft is found again after the way to a provider: what is drawn here answers to a POST only."""
    asked = {"scope": given["scope"], "until": given["until"].isoformat()}
    return f"{reverse('trail:review-new')}?{urlencode({name: value for name, value in asked.items() if value})}"


def _given(request: HttpRequest) -> dict[str, Any]:
    """What the reviewer has entered, in the names the service takes. Raises InvalidInput."""
    until = read_end(request.POST.get("until", ""))
    epoch, _dash, size = request.POST.get("sealed", "").partition("-")
    if until is None:
        raise InvalidInput(_("The period is not complete. Open the page again."))
    is_named = epoch.isdecimal() and size.isdecimal() and len(epoch) < 10 and len(size) < 19
    remarks = {}
    for name, text in request.POST.items():
        entry = name.removeprefix("remark-")
        if entry != name and entry.isdecimal() and int(entry) < LARGEST_ID and str(text).strip():
            remarks[int(entry)] = str(text).replace("\x00", "").strip()[:500]
    return {
        "scope": checked_scope(_scope(request.POST)),
        "until": until,
        "sealed": (int(epoch), int(size)) if is_named else None,
        "remarks": remarks,
        "conclusion": request.POST.get("conclusion", "").replace("\x00", "").strip()[:2000],
    }


def _keep_draft(request: HttpRequest, given: dict[str, Any]) -> None:
    """What was entered outlives the way to an identity provider, a closed dialog, and a reload."""
    remarks = {str(entry): text for entry, text in given["remarks"].items()}
    request.session[DRAFT] = {"scope": given["scope"], "conclusion": given["conclusion"], "remarks": remarks}


def _draft(request: HttpRequest, scope: str) -> dict[str, Any]:
    kept = request.session.get(DRAFT) or {}
    if kept.get("scope") != scope:
        return {"conclusion": "", "remarks": {}}
    return {"conclusion": kept["conclusion"], "remarks": {int(entry): text for entry, text in kept["remarks"].items()}}


def _scope(query: Any) -> str:
    return ",".join(name for name in query.getlist("scope") if name)


def plant_minute(at: dt.datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def read_end(text: str) -> dt.datetime | None:
    """A day (to its end) or a moment in plant time."""
    try:
        day = parse_date(text) if len(text) == 10 else None
        at = dt.datetime.combine(day + dt.timedelta(days=1), dt.time()) if day else parse_datetime(text)
        if at is None or not 1970 <= at.year <= 2200:
            return None
        return timezone.make_aware(at) if timezone.is_naive(at) else at
    except (ValueError, OverflowError):
        return None


def proposed_end(since: dt.datetime | None) -> dt.datetime:
    """Last midnight of the plant; of a plant that began today, a minute ago."""
    now = timezone.localtime()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if since is None or midnight > since:
        return midnight
    return (now - dt.timedelta(minutes=1)).replace(second=0, microsecond=0)
