"""Orders that ran before Genba knew of them (imports, demo history), with their true times.

They enter complete and say so: one state change "import", no signature, `source` import on every fact.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from simple_history.utils import bulk_create_with_history

from audit import records
from audit.context import current_act, require
from audit.models import StateChange
from audit.records import guarded
from equipment.enums import StateSource
from production.enums import JobOrderStatus, WorkOrderStatus
from production.models import JobOrder, OperationRun, QuantityReport, WorkOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class PastReport:
    at: dt.datetime
    good: Decimal = Decimal(0)
    scrap: Decimal = Decimal(0)
    rework: Decimal = Decimal(0)
    reason_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    piece: str
    equipment_id: UUID
    started_at: dt.datetime
    ended_at: dt.datetime
    active_seconds: Decimal | None = None
    details: dict[str, Any] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastJob:
    sequence: int
    operation_name: str
    run_time_seconds: Decimal
    setup_time_seconds: Decimal
    line_id: UUID
    started_at: dt.datetime
    ended_at: dt.datetime
    reports: Sequence[PastReport] = ()
    runs: Sequence[PastRun] = ()


def record_past_order(
    *,
    work_order_number: str,
    product_id: UUID,
    production_line_id: UUID,
    planned_quantity: Decimal,
    scheduled_start: dt.datetime,
    scheduled_end: dt.datetime,
    jobs: Sequence[PastJob],
    **values: Any,
) -> WorkOrder:
    """Insert a completed order with its jobs, reports and runs. Raises Conflict when the number exists."""
    require("production.add_workorder")
    last = max(jobs, key=lambda job: job.sequence)
    with transaction.atomic():
        order = records.create(
            WorkOrder(
                work_order_number=work_order_number,
                product_id=product_id,
                production_line_id=production_line_id,
                planned_quantity=planned_quantity,
                actual_quantity=sum((r.good for r in last.reports), Decimal(0)),
                scheduled_start=scheduled_start,
                scheduled_end=scheduled_end,
                actual_start=min(job.started_at for job in jobs),
                actual_end=max(job.ended_at for job in jobs),
                status=WorkOrderStatus.COMPLETED,
                **values,
            ),
            reason="import",
        )
        job_rows = [_job_row(order, job) for job in jobs]
        with guarded(JobOrder, QuantityReport, OperationRun):
            bulk_create_with_history(job_rows, JobOrder, default_user=current_act().actor)
            QuantityReport.objects.bulk_create(_report_rows(zip(job_rows, jobs, strict=True)), batch_size=2000)
            OperationRun.objects.bulk_create(_run_rows(zip(job_rows, jobs, strict=True)), batch_size=2000)
        _import_evidence(order, ended_at=max(job.ended_at for job in jobs))
    return order


def _job_row(order: WorkOrder, job: PastJob) -> JobOrder:
    actor = current_act().actor
    return JobOrder(
        work_order=order,
        sequence=job.sequence,
        operation_name=job.operation_name,
        run_time_seconds=job.run_time_seconds,
        setup_time_seconds=job.setup_time_seconds,
        production_line_id=job.line_id,
        status=JobOrderStatus.COMPLETED,
        actual_start=job.started_at,
        actual_end=job.ended_at,
        good=sum((r.good for r in job.reports), Decimal(0)),
        scrap=sum((r.scrap for r in job.reports), Decimal(0)),
        rework=sum((r.rework for r in job.reports), Decimal(0)),
        created_by=actor,
        updated_by=actor,
    )


def _report_rows(pairs: Iterable[tuple[JobOrder, PastJob]]) -> list[QuantityReport]:
    actor = current_act().actor
    return [
        QuantityReport(
            job_order=row,
            production_line_id=job.line_id,
            good=report.good,
            scrap=report.scrap,
            rework=report.rework,
            reason_id=report.reason_id,
            reported_at=report.at,
            reported_by=actor,
            source=StateSource.IMPORT,
        )
        for row, job in pairs
        for report in job.reports
    ]


def _run_rows(pairs: Iterable[tuple[JobOrder, PastJob]]) -> list[OperationRun]:
    return [
        OperationRun(
            job_order=row,
            equipment_id=run.equipment_id,
            piece=run.piece,
            started_at=run.started_at,
            ended_at=run.ended_at,
            active_seconds=run.active_seconds,
            details=run.details,
            flags=run.flags,
            source=StateSource.IMPORT,
        )
        for row, job in pairs
        for run in job.runs
    ]


def _import_evidence(order: WorkOrder, *, ended_at: dt.datetime) -> None:
    act = current_act()
    StateChange.objects.create(
        occurred_at=ended_at,
        record_label=order._meta.label_lower,
        record_pk=str(order.pk),
        transition="import",
        from_state="",
        to_state=order.status,
        actor=act.actor,
        actor_name=act.actor.printed_name,
        source=act.source,
        act_id=act.id,
        reason=act.reason or "import",
    )
