"""The admin's frame: navigation by domain and the index, which answers "what waits for me?" (settings.UNFOLD)."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.db.models import CharField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from audit.models import StateChange
from audit.models.review import EVERYTHING
from audit.queries.review import review_due
from equipment.enums import LineState
from equipment.models import LineStateInterval
from equipment.queries.site import production_day, production_day_bounds
from equipment.scope import visible
from mfg_project.common.formats import Moment, duration, exact, moment
from production.enums import WorkOrderStatus
from production.models import WorkOrder
from quality.enums import Verdict
from quality.models import Measurement

SHOWN = 8  # rows of a worklist; the rest is one click away
FAILED_WITHIN = dt.timedelta(hours=24)

EVIDENCE = _("Evidence")

# Group, then (model, icon); a model appears for who may view it.
NAVIGATION: tuple[tuple[Any, tuple[tuple[str, str], ...]], ...] = (
    (
        _("Quality"),
        (
            ("quality.qualitycheck", "fact_check"),
            ("quality.measurement", "straighten"),
            ("quality.characteristic", "rule"),
        ),
    ),
    (
        _("Production"),
        (
            ("production.workorder", "assignment"),
            ("production.joborder", "checklist"),
            ("production.quantityreport", "pin"),
            ("production.operationrun", "timeline"),
            ("production.batch", "inventory_2"),
            ("production.routing", "route"),
            ("production.routingoperation", "steps"),
            ("production.shift", "schedule"),
            ("production.scheduledshift", "calendar_month"),
        ),
    ),
    (
        _("Equipment"),
        (
            ("equipment.linestateinterval", "monitor_heart"),
            ("equipment.productionline", "conveyor_belt"),
            ("equipment.equipment", "precision_manufacturing"),
            ("telemetry.series", "show_chart"),
            ("telemetry.datasource", "sensors"),
            ("telemetry.devicekey", "key"),
            ("telemetry.heldbackseries", "pause_circle"),
            ("telemetry.heldbackreading", "motion_photos_paused"),
            ("telemetry.intake", "speed"),
            ("telemetry.readingarchive", "inventory"),
            ("equipment.reasoncode", "help"),
            ("equipment.area", "grid_view"),
            ("equipment.site", "factory"),
        ),
    ),
    (_("Materials"), (("inventory.material", "category"),)),
    (
        EVIDENCE,
        (
            ("audit.journalentry", "history"),
            ("audit.journalseal", "verified"),
            ("audit.signature", "signature"),
            ("audit.signaturepolicy", "rule"),
            ("audit.signingwindow", "timer"),
            ("audit.statechange", "swap_horiz"),
            ("audit.securityevent", "gpp_bad"),
            ("audit.outbox", "outbox"),
            ("audit.verificationrun", "fact_check"),
            ("audit.retentionpolicy", "event_busy"),
            ("audit.legalhold", "lock"),
            ("audit.journalarchive", "inventory"),
            ("audit.archivecheck", "verified_user"),
            ("audit.journalmonth", "move_to_inbox"),
            ("audit.incident", "crisis_alert"),
            ("audit.trailreview", "rate_review"),
            ("audit.timestamp", "more_time"),
            ("audit.heartbeat", "ecg_heart"),
        ),
    ),
    (
        _("Key figures"),
        (
            ("production.kpiday", "monitoring"),
            ("production.kpidaystop", "block"),
            ("production.kpirefresh", "update"),
            ("production.kpidirtyday", "pending"),
        ),
    ),
    (
        _("Users and schedule"),
        (
            ("accounts.user", "group"),
            ("accounts.signingqualification", "badge"),
            ("accounts.signingstatement", "gavel"),
            ("accounts.acknowledgement", "how_to_reg"),
            ("accounts.providerconfirmation", "verified_user"),
            ("accounts.temporarycode", "pin"),
            ("equipment.lineassignment", "assignment_ind"),
            ("django_celery_beat.periodictask", "event_repeat"),
        ),
    ),
)


def site_subheader(_request: HttpRequest) -> Any:
    return _("Administration")


def stylesheet(_request: HttpRequest) -> str:
    return static("css/pages/admin.css")


def favicon(_request: HttpRequest) -> str:
    return static("favicon.svg")


def account_links(_request: HttpRequest) -> list[dict[str, Any]]:
    return [{"title": _("Change password"), "link": reverse("accounts:password-change")}]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    registry = {model._meta.label_lower: model_admin for model, model_admin in admin.site._registry.items()}
    groups = [{"items": [{"title": _("What waits"), "icon": "home", "link": reverse("admin:index")}]}]
    for title, models in NAVIGATION:
        items = [
            {
                "title": capfirst(registry[label].opts.verbose_name_plural),
                "icon": icon,
                "link": reverse(f"admin:{label.replace('.', '_')}_changelist"),
            }
            for label, icon in models
            if registry[label].has_view_permission(request)
        ]
        if title == EVIDENCE and request.user.has_perm("audit.view_journalentry"):
            items.insert(0, {"title": _("Integrity"), "icon": "shield", "link": reverse("trail:integrity")})
        if items:
            groups.append({"title": title, "items": items, "separator": True, "collapsible": True})
    return groups


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of a worklist."""

    url: str
    what: str
    detail: str
    since: Moment | None
    age: str


@dataclass(frozen=True, slots=True)
class Worklist:
    title: Any
    nothing: Any
    url: str
    icon: str
    total: int
    rows: list[Waiting] = field(default_factory=list)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the worklists of what the person may see; a constant number of queries."""
    now = timezone.now()
    may = request.user.has_perm
    lists = []
    if may("production.view_workorder"):
        lists += [_to_sign(now), _on_hold(now)]
    if may("equipment.view_linestateinterval"):
        lists.append(_unexplained(now))
    if may("quality.view_measurement"):
        lists.append(_failed(now))
    if may("audit.add_trailreview"):
        lists.append(_trail_review(now))
    return context | {"worklists": lists, "title": _("What waits for you")}


def _orders(status: str) -> QuerySet[WorkOrder]:
    """Orders in a status with when and why they came into it, the longest waiting first."""
    last_step = StateChange.objects.filter(
        record_label="production.workorder",
        record_pk=Cast(OuterRef("pk"), CharField()),
        to_state=status,
    ).order_by("-id")
    return (
        visible(WorkOrder.objects.filter(status=status))
        .select_related("product", "production_line")
        .annotate(since=Subquery(last_step.values("occurred_at")[:1]), why=Subquery(last_step.values("reason")[:1]))
        .order_by("since")
    )


def _order_rows(orders: QuerySet[WorkOrder], now: dt.datetime, *, reason: bool) -> list[Waiting]:
    return [
        Waiting(
            url=reverse("admin:production_workorder_change", args=[order.pk]),
            what=order.work_order_number,
            detail=" · ".join(filter(None, [str(order.product), order.why if reason else ""])),
            since=moment(order.since, now=now),
            age=duration((now - order.since).total_seconds()) if order.since else "—",
        )
        for order in orders[:SHOWN]
    ]


def _order_list(status: str) -> str:
    return f"{reverse('admin:production_workorder_changelist')}?status__exact={status}"


def _to_sign(now: dt.datetime) -> Worklist:
    orders = _orders(WorkOrderStatus.PLANNED)
    return Worklist(
        title=_("Waiting for a signature"),
        nothing=_("No order waits for its release."),
        url=_order_list(WorkOrderStatus.PLANNED),
        icon="edit_note",
        total=orders.count(),
        rows=_order_rows(orders, now, reason=False),
    )


def _on_hold(now: dt.datetime) -> Worklist:
    orders = _orders(WorkOrderStatus.ON_HOLD)
    return Worklist(
        title=_("Orders on hold"),
        nothing=_("No order is on hold."),
        url=_order_list(WorkOrderStatus.ON_HOLD),
        icon="pause_circle",
        total=orders.count(),
        rows=_order_rows(orders, now, reason=True),
    )


def _unexplained(now: dt.datetime) -> Worklist:
    since, _until = production_day_bounds(day=production_day(at=now))
    stops = (
        visible(LineStateInterval.objects.filter(state=LineState.STOPPED, reason=None, started_at__gte=since))
        .select_related("line")
        .order_by("started_at")
    )
    return Worklist(
        title=_("Stops of today without a reason"),
        nothing=_("Every stop of today is explained."),
        url=f"{reverse('admin:equipment_linestateinterval_changelist')}?state__exact=stopped&reason__isempty=1",
        icon="help",
        total=stops.count(),
        rows=[
            Waiting(
                url=reverse("admin:equipment_linestateinterval_change", args=[stop.pk]),
                what=str(stop.line),
                detail="" if stop.ended_at else str(_("still stopped")),
                since=moment(stop.started_at, now=now),
                age=duration(((stop.ended_at or now) - stop.started_at).total_seconds()),
            )
            for stop in stops[:SHOWN]
        ],
    )


def _failed(now: dt.datetime) -> Worklist:
    values = (
        visible(Measurement.objects.filter(verdict=Verdict.FAIL, check_record__performed_at__gte=now - FAILED_WITHIN))
        .select_related("check_record__work_order", "characteristic")
        .order_by("-check_record__performed_at")
    )
    return Worklist(
        title=_("Values outside their limits, last 24 hours"),
        nothing=_("No value was outside its limits."),
        url=f"{reverse('admin:quality_measurement_changelist')}?verdict__exact=fail",
        icon="rule",
        total=values.count(),
        rows=[
            Waiting(
                url=reverse("admin:quality_qualitycheck_change", args=[value.check_record_id]),
                what=str(value.characteristic),
                detail=" · ".join(
                    filter(
                        None,
                        [value.check_record.work_order.work_order_number, value.check_record.piece, _outside(value)],
                    )
                ),
                since=moment(value.check_record.performed_at, now=now),
                age=duration((now - value.check_record.performed_at).total_seconds()),
            )
            for value in values[:SHOWN]
        ],
    )


def _trail_review(now: dt.datetime) -> Worklist:
    due = review_due(EVERYTHING)
    waiting = []
    if due.is_overdue and due.since and due.due_at:
        detail = _("Everything since %(since)s") % {"since": f"{timezone.localtime(due.since):%Y-%m-%d %H:%M}"}
        since, age = moment(due.due_at, now=now), duration((now - due.due_at).total_seconds())
        waiting.append(Waiting(reverse("trail:review-new"), str(_("Overdue")), detail, since, age))
    return Worklist(
        title=_("Review of the audit trail"),
        nothing=_("The review of the audit trail is not due."),
        url=reverse("trail:reviews"),
        icon="rate_review",
        total=len(waiting),
        rows=waiting,
    )


def _outside(value: Measurement) -> str:
    return f"{exact(value.value)} ({exact(value.lower_limit)} … {exact(value.upper_limit)})"
