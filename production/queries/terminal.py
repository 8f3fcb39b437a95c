"""What a line is asked to make: its jobs in the order an operator meets them, and what belongs to one of them."""

from uuid import UUID

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from equipment.enums import StateSource
from equipment.models import LineStateInterval, ProductionLine
from production.enums import JobOrderStatus, WorkOrderStatus
from production.models import JobOrder, QuantityReport

STARTABLE_ORDERS = (WorkOrderStatus.RELEASED, WorkOrderStatus.IN_PROGRESS)
ENDED = (JobOrderStatus.COMPLETED, JobOrderStatus.CANCELLED)
MOST_PRESSING = (
    "turn",
    "work_order__priority",
    "work_order__scheduled_start",
    "work_order__work_order_number",
    "sequence",
)


def open_jobs() -> QuerySet[JobOrder]:
    """What runs, what was interrupted, then what may begin: released, and every operation before it begun.

    `turn` ranks the three. A running job stays in the list when its order is put on hold: somebody has to see it.
    """
    not_begun_before = JobOrder.objects.filter(
        work_order=OuterRef("work_order"), sequence__lt=OuterRef("sequence"), status=JobOrderStatus.WAITING
    )
    startable = Q(work_order__status__in=STARTABLE_ORDERS)
    return (
        JobOrder.objects.filter(
            Q(status=JobOrderStatus.RUNNING)
            | Q(startable, status=JobOrderStatus.HELD)
            | Q(startable & ~Exists(not_begun_before), status=JobOrderStatus.WAITING)
        )
        .annotate(
            turn=Case(
                When(status=JobOrderStatus.RUNNING, then=Value(0)),
                When(status=JobOrderStatus.HELD, then=Value(1)),
                default=Value(2),
                output_field=IntegerField(),
            )
        )
        .select_related("work_order__product", "work_order__batch")
    )


def line_queue(line_id: UUID, *, limit: int = 8) -> list[JobOrder]:
    """The open jobs of one line, the most pressing first."""
    return list(open_jobs().filter(production_line_id=line_id).order_by(*MOST_PRESSING)[:limit])


def pressing_job_by_line(line_ids: list[UUID]) -> dict[UUID, JobOrder]:
    """The job each line works on, or would take next; a line without one is missing."""
    jobs = (
        open_jobs()
        .filter(production_line_id__in=line_ids)
        .order_by("production_line_id", *MOST_PRESSING)
        .distinct("production_line_id")
    )
    return {job.production_line_id: job for job in jobs if job.production_line_id}


def jobs_after(job: JobOrder) -> list[JobOrder]:
    """The operations of the same order that follow."""
    later = JobOrder.objects.filter(work_order_id=job.work_order_id, sequence__gt=job.sequence)
    return list(later.exclude(status=JobOrderStatus.CANCELLED).select_related("production_line").order_by("sequence"))


def last_report(job: JobOrder, *, by_id: UUID | None = None) -> QuantityReport | None:
    """The newest count a person (or the one named) entered on the job that still stands; the one an undo means."""
    reports = QuantityReport.objects.filter(
        job_order=job, source=StateSource.PERSON, reverses=None, reversed_by=None
    ).select_related("reported_by", "reason")
    return (reports.filter(reported_by_id=by_id) if by_id else reports).order_by("-created_at").first()


def find_job(code: str) -> JobOrder | None:
    """The job a printed code means: `WO-…/10`, or `WO-…` for the operation of the order that is next."""
    number, _slash, sequence = code.rpartition("/")
    meant = Q(work_order__work_order_number__iexact=code) & ~Q(status__in=ENDED)
    if number and sequence.isascii() and sequence.isdecimal():
        meant |= Q(work_order__work_order_number__iexact=number, sequence=int(sequence))
    jobs = JobOrder.objects.filter(meant).select_related("work_order", "production_line")
    return jobs.order_by("sequence").first()


def open_interval(line: ProductionLine) -> LineStateInterval | None:
    return LineStateInterval.objects.filter(line=line, ended_at=None).select_related("reason").first()
