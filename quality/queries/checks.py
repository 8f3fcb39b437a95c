"""Quality checks as pages list them, and how many of them passed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, Exists, F, IntegerField, Max, OuterRef, Prefetch, Q, QuerySet, Subquery, When

from equipment.scope import visible
from production.enums import JobOrderStatus, WorkOrderStatus
from production.models import JobOrder, WorkOrder
from quality.enums import Verdict
from quality.models import Characteristic, Measurement, QualityCheck

FAILS_FIRST = Case(When(result=Verdict.FAIL, then=0), default=1, output_field=IntegerField())


@dataclass(frozen=True, slots=True)
class CheckFilter:
    result: str = ""
    place: str = ""
    search: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    line_id: UUID | None = None  # where it was made: the line of its operation, else of its order


@dataclass(frozen=True, slots=True)
class PassRate:
    """Checks, not pieces: the quality ratio of ISO 22400 is another figure (X-06)."""

    passed: int
    failed: int

    @property
    def judged(self) -> int:
        return self.passed + self.failed

    @property
    def rate(self) -> float | None:
        return 100 * self.passed / self.judged if self.judged else None


def filtered_checks(wanted: CheckFilter) -> QuerySet[QualityCheck]:
    """Failed ones first, then the newest."""
    return with_failures(matching_checks(wanted)).order_by(FAILS_FIRST, "-performed_at", "-id")


def matching_checks(wanted: CheckFilter) -> QuerySet[QualityCheck]:
    """To be counted; what a row of a list shows comes with `filtered_checks`."""
    checks = visible(QualityCheck.objects.all())
    if wanted.since:
        checks = checks.filter(performed_at__gte=wanted.since)
    if wanted.until:
        checks = checks.filter(performed_at__lt=wanted.until)
    if wanted.line_id:
        of_order = Q(job_order=None, work_order__production_line=wanted.line_id)
        checks = checks.filter(Q(job_order__production_line=wanted.line_id) | of_order)
    if wanted.result:
        checks = checks.filter(result=wanted.result)
    if wanted.place:
        checks = checks.filter(place=wanted.place)
    if wanted.search:
        orders = WorkOrder.objects.filter(work_order_number__icontains=wanted.search)
        checks = checks.filter(Q(work_order__in=orders.values("pk")) | Q(piece__iexact=wanted.search))
    return checks


def with_failures(checks: QuerySet[QualityCheck]) -> QuerySet[QualityCheck]:
    """With what a row shows, and the measurements that failed it."""
    failed = Measurement.objects.filter(verdict=Verdict.FAIL).select_related("characteristic").order_by("id")
    values = Measurement.objects.filter(check_record=OuterRef("pk")).order_by().values("check_record")
    return (
        checks.select_related("work_order__product", "job_order", "performed_by")
        .annotate(values_count=Subquery(values.annotate(n=Count("pk")).values("n")))
        .prefetch_related(Prefetch("measurements", failed, to_attr="failures"))
    )


def checks_of_order(work_order_id: UUID, *, at_most: int) -> list[QualityCheck]:
    """Failed ones first, then the newest."""
    rows = QualityCheck.objects.filter(work_order_id=work_order_id)
    return list(with_failures(rows).order_by(FAILS_FIRST, "-performed_at", "-id")[:at_most])


def pass_rate(
    *,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    line_ids: Sequence[UUID] | None = None,
    work_order_id: UUID | None = None,
) -> PassRate:
    """Checks with a verdict in a period, on orders of these lines; checks without any limit are not judged."""
    checks = visible(QualityCheck.objects.filter(result__isnull=False))
    if start:
        checks = checks.filter(performed_at__gte=start)
    if end:
        checks = checks.filter(performed_at__lt=end)
    if line_ids is not None:
        checks = checks.filter(work_order__production_line__in=line_ids)
    if work_order_id:
        checks = checks.filter(work_order_id=work_order_id)
    counts: dict[str, Any] = dict(checks.values_list("result").annotate(n=Count("pk")))
    return PassRate(passed=counts.get(Verdict.PASS, 0), failed=counts.get(Verdict.FAIL, 0))


def places() -> list[str]:
    checks = visible(QualityCheck.objects.exclude(place=""))
    return list(checks.order_by("place").values_list("place", flat=True).distinct())


def jobs_to_measure() -> list[JobOrder]:
    """Operations being made that have something to measure; those not measured for longest come first."""
    here = Characteristic.objects.filter(product_id=OuterRef("work_order__product_id"), is_active=True).filter(
        Q(operation_sequence=OuterRef("sequence")) | Q(operation_sequence=None)
    )
    return list(
        visible(JobOrder.objects.filter(status=JobOrderStatus.RUNNING, work_order__status=WorkOrderStatus.IN_PROGRESS))
        .filter(Exists(here))
        .select_related("work_order__product", "production_line")
        .annotate(last_check=Max("quality_checks__performed_at"), check_count=Count("quality_checks"))
        .order_by(F("last_check").asc(nulls_first=True), "work_order__priority")[:12]
    )


def characteristics_to_measure(order: WorkOrder, job: JobOrder | None) -> list[Characteristic]:
    """Those of the job's operation, or every one of the product when no job is named."""
    rows = Characteristic.objects.filter(product_id=order.product_id, is_active=True)
    if job:
        rows = rows.filter(Q(operation_sequence=job.sequence) | Q(operation_sequence=None))
    return list(rows.order_by("operation_sequence", "code"))


def last_place_of(user: Any) -> str:
    """Who measures stays at one station: the next check starts with the place of the last."""
    return (
        visible(QualityCheck.objects.filter(performed_by=user))
        .order_by("-performed_at")
        .values_list("place", flat=True)
        .first()
        or ""
    )
