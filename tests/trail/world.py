"""An order with everything a copy has to show, and the copy taken apart."""

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from audit import records
from audit.context import act_as
from audit.journal import change
from audit.offline import VERIFIER
from production.models import Batch, JobOrder, QuantityReport, WorkOrder
from production.services.job_orders import report_quantity, undo_report
from production.services.work_orders import update_work_order
from quality.models import QualityCheck
from quality.services.checks import MeasuredValue, record_check
from tests import factories
from tests.audit.journal import nothing_kept

BUNDLE = "/audit/{}/{}/bundle/"


@dataclass
class Story:
    plant: factories.Plant
    order: WorkOrder
    undone: QuantityReport
    check: QualityCheck
    deleted: JobOrder


def order_with_everything(plant: factories.Plant) -> Story:
    """Signed, then changed; counted, and a count undone; measured; a job deleted, as after its years."""
    batch = records.create(Batch(batch_number="B-2026-7", product=plant.product))
    order = factories.work_order(
        plant,
        status="in_progress",
        work_order_number="WO-COPY",
        batch_id=batch.pk,
        special_instructions="Vorsicht: *heiß* #panic() 注意",
        manufacturing_parameters={"feed": {"rate": 200}},
    )
    job = factories.first_job(order)
    report_quantity(job_order_id=job.pk, good=Decimal(2), comment="erste Teile")
    wrong = report_quantity(job_order_id=job.pk, scrap=Decimal(1), reason_id=plant.scrap_reason.pk)
    undo_report(report_id=wrong.pk, reason="falsch gezählt")
    characteristic = factories.characteristic(plant.product, code="D1")
    values = [MeasuredValue(characteristic_id=characteristic.pk, value=Decimal("10.050"))]
    check = record_check(work_order_id=order.pk, job_order_id=job.pk, piece="1", test_type="dimensional", values=values)
    planner = factories.user("planner")
    with act_as(planner, source="api"):
        update_work_order(work_order_id=order.pk, planned_quantity=Decimal(12), reason="Kunde braucht zwei mehr")
    unused = order.job_orders.order_by("-sequence")[0]
    with nothing_kept(), change("delete_job_order", "doppelt geplant"):
        unused_pk = unused.pk
        unused.delete()
        unused.pk = unused_pk
    order.refresh_from_db()
    return Story(plant, order, wrong, check, unused)


@dataclass
class Taken:
    """A copy, opened."""

    raw: bytes
    files: dict[str, bytes]

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.files["record.json"], parse_float=refuse)

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads(self.files["manifest.json"])

    def part(self, table: str) -> list[dict[str, Any]]:
        return next(part["rows"] for part in self.json["parts"] if part["table"] == table)


def refuse(text: str) -> None:
    raise AssertionError(f"{text} lost its digits: numbers with a point are text")


def taken(raw: bytes) -> Taken:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return Taken(raw, {name: archive.read(name) for name in archive.namelist()})


def body(response: Any) -> bytes:
    return b"".join(response) if response.streaming else response.content


def take(client: Any, record: Any, **headers: str) -> Taken:
    response = client.get(BUNDLE.format(record._meta.db_table, record.pk), headers=headers)
    assert response.status_code == 200, body(response)[:2000]
    return taken(body(response))


def values_of(row: dict[str, Any]) -> dict[str, Any]:
    return {field["column"]: field["value"] for field in row["fields"]}


def field_of(row: dict[str, Any], column: str) -> dict[str, Any]:
    return next(field for field in row["fields"] if field["column"] == column)


def verify(path: Path, *more: str) -> tuple[int, str]:
    """As an inspector does it, on a machine without Genba."""
    done = subprocess.run([sys.executable, "-I", str(VERIFIER), str(path), *more], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout
