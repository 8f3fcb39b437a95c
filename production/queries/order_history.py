"""What happened to an order: steps, counts and edits as rows of one kind, newest first."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db.models import Count, Prefetch, Q

from accounts.models import User
from audit.models import Signature, StateChange
from equipment.models import ProductionLine
from equipment.scope import visible
from inventory.models import Material
from production.models import Batch, JobOrder, OperationRun, QuantityReport, WorkOrder

# Set by steps and counts, which are rows of their own, or by the machinery around them.
NOT_EDITS = frozenset(
    {
        "id", "status", "status_before_hold", "actual_quantity", "actual_start", "actual_end", "created_at",
        "updated_at", "created_by", "updated_by", "version", "electronic_signature", "data_integrity_hash",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edit:
    """One saved change by a person: which fields, old and new value."""

    at: dt.datetime
    by: str
    reason: str
    changes: tuple[tuple[Any, Any, Any], ...]  # model field, old, new


def order_for_page(work_order_id: Any) -> WorkOrder | None:
    """The order with all its operations, on whichever lines; counts and runs are shown of the account's lines."""
    jobs = JobOrder.objects.select_related("production_line").order_by("sequence")
    return (
        visible(WorkOrder.objects.select_related("product", "production_line", "batch", "created_by"))
        .prefetch_related(Prefetch("job_orders", jobs))
        .filter(pk=work_order_id)
        .first()
    )


def steps_of(order: WorkOrder) -> list[StateChange]:
    """Steps of the order and of its jobs. `signature` is loaded with them."""
    jobs = [str(job.pk) for job in order.job_orders.all()]
    rows = StateChange.objects.filter(
        Q(record_label="production.workorder", record_pk=str(order.pk))
        | Q(record_label="production.joborder", record_pk__in=jobs)
    )
    return list(rows.select_related("signature").order_by("-id"))


def parts_of(order: WorkOrder, steps: Iterable[StateChange]) -> set[tuple[str, str]]:
    """(table, key) of its jobs, steps and signatures: what was altered there concerns the order."""
    signatures = {str(step.signature_id) for step in steps if step.signature_id}
    return {
        *((JobOrder._meta.db_table, str(job.pk)) for job in order.job_orders.all()),
        *((StateChange._meta.db_table, str(step.pk)) for step in steps),
        *((Signature._meta.db_table, key) for key in signatures),
    }


def runs_of(work_order_id: Any) -> list[OperationRun]:
    """Pieces going through the machines, in the order they did."""
    rows = visible(OperationRun.objects.filter(job_order__work_order=work_order_id))
    return list(rows.select_related("job_order", "equipment").order_by("started_at", "id"))


def run_counts(order: WorkOrder) -> tuple[int, int]:
    """All recorded runs of the order, and those whose data are odd in some way."""
    runs = visible(OperationRun.objects.filter(job_order__work_order=order))
    counts = runs.aggregate(all=Count("pk"), odd=Count("pk", filter=~Q(flags=[])))
    return counts["all"], counts["odd"]


def reports_of(order: WorkOrder, *, at_most: int) -> list[QuantityReport]:
    rows = visible(QuantityReport.objects.filter(job_order__work_order=order))
    return list(rows.select_related("reason", "reported_by").order_by("-reported_at", "-id")[:at_most])


def edits_of(order: WorkOrder) -> list[Edit]:
    """Old and new values of every edit, from the version history; steps and counts are left out."""
    versions = list(order.history.order_by("history_date", "history_id"))
    names = _names(versions)
    people = User.objects.in_bulk({version.history_user_id for version in versions})
    edits = []
    for older, newer in pairwise(versions):
        changes = tuple(_changes(older, newer, names))
        if changes:
            by = people.get(newer.history_user_id)
            edits.append(Edit(newer.history_date, str(by or ""), newer.history_change_reason or "", changes))
    return edits[::-1]


def _changes(older: Any, newer: Any, names: dict[Any, str]) -> Iterable[tuple[Any, Any, Any]]:
    for field in WorkOrder._meta.concrete_fields:
        if field.name in NOT_EDITS:
            continue
        old, new = getattr(older, field.attname), getattr(newer, field.attname)
        if old != new:
            yield (field, names.get(old, old), names.get(new, new)) if field.is_relation else (field, old, new)


def _names(versions: list[Any]) -> dict[Any, str]:
    """Readable names of the products, lines and batches the versions point to."""
    wanted = {"product_id": Material, "production_line_id": ProductionLine, "batch_id": Batch}
    names: dict[Any, str] = {}
    for attname, model in wanted.items():
        keys = {getattr(version, attname) for version in versions} - {None}
        if len(keys) > 1 or any(getattr(version, attname) is None for version in versions):
            names |= {key: str(row) for key, row in model._default_manager.in_bulk(keys).items()}
    return names
