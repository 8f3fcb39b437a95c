"""Orders that ran before Genba knew of them (imports, demo history), with their true times.

They enter complete and say so: one state change "import", no signature, `source` import on every fact.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from audit import records
from audit.context import current_act, require
from audit.journal import change
from audit.models import StateChange
from audit.records import guarded
from equipment.enums import StateSource
from equipment.scope import require_line
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    work_order_number: str
    product_id: UUID
    production_line_id: UUID
    planned_quantity: Decimal
    scheduled_start: dt.datetime
    scheduled_end: dt.datetime
    jobs: Sequence[PastJob]
    values: dict[str, Any] = field(default_factory=dict)  # further fields of the order

    @property
    def started_at(self) -> dt.datetime:
        return min(job.started_at for job in self.jobs)

    @property
    def ended_at(self) -> dt.datetime:
        return max(job.ended_at for job in self.jobs)


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
    order = PastOrder(
        work_order_number=work_order_number,
        product_id=product_id,
        production_line_id=production_line_id,
        planned_quantity=planned_quantity,
        scheduled_start=scheduled_start,
        scheduled_end=scheduled_end,
        jobs=jobs,
        values=values,
    )
    return record_past_orders([order])[0]


def record_past_orders(orders: Sequence[PastOrder]) -> list[WorkOrder]:
    """Insert completed orders with their jobs, reports and runs, all or none. Raises Conflict, InvalidInput."""
    require("production.add_workorder")
    for line_id in {line_id for order in orders for line_id in _lines(order)}:
        require_line(line_id)
    rows = [_order_row(order) for order in orders]
    jobs = [(_job_row(row, job), job) for row, order in zip(rows, orders, strict=True) for job in order.jobs]
    with change("record_past_orders"):
        records.create_many(rows, reason="import")
        records.create_many([row for row, _job in jobs], reason="import")
        with guarded(QuantityReport, OperationRun):
            QuantityReport.objects.bulk_create(_report_rows(jobs), batch_size=2000)
            OperationRun.objects.bulk_create(_run_rows(jobs), batch_size=2000)
        StateChange.objects.bulk_create(
            [_evidence(row, order) for row, order in zip(rows, orders, strict=True)], batch_size=2000
        )
    return rows


def _lines(order: PastOrder) -> list[UUID]:
    return [order.production_line_id, *(job.line_id for job in order.jobs)]


def _order_row(order: PastOrder) -> WorkOrder:
    last = max(order.jobs, key=lambda job: job.sequence)
    return WorkOrder(
        work_order_number=order.work_order_number,
        product_id=order.product_id,
        production_line_id=order.production_line_id,
        planned_quantity=order.planned_quantity,
        actual_quantity=sum((r.good for r in last.reports), Decimal(0)),
        scheduled_start=order.scheduled_start,
        scheduled_end=order.scheduled_end,
        actual_start=order.started_at,
        actual_end=order.ended_at,
        status=WorkOrderStatus.COMPLETED,
        **order.values,
    )


def _job_row(order: WorkOrder, job: PastJob) -> JobOrder:
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


def _evidence(row: WorkOrder, order: PastOrder) -> StateChange:
    act = current_act()
    return StateChange(
        occurred_at=order.ended_at,
        record_label=row._meta.label_lower,
        record_pk=str(row.pk),
        transition="import",
        from_state="",
        to_state=row.status,
        actor=act.actor,
        actor_name=act.actor.printed_name,
        source=act.source,
        act_id=act.id,
        reason=act.reason or "import",
    )
