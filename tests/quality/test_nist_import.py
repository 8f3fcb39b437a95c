"""The NIST run inside Genba: every figure the import promises."""

import csv
import datetime as dt
from collections import Counter
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Min, Sum

from accounts.models import User
from equipment.enums import LineState, StateSource
from equipment.models import LineStateInterval, ProductionLine
from inventory.models import Material
from production.enums import WorkOrderStatus
from production.models import JobOrder, OperationRun, QuantityReport, WorkOrder
from quality.enums import Verdict
from quality.models import Characteristic, Measurement, QualityCheck
from quality.spc import capability
from tests.shared import SHARED, shared

pytestmark = pytest.mark.django_db

NIST = SHARED / "data" / "nist-sms-box-assembly"

LENGTH = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())


@pytest.fixture(scope="module", autouse=True)
def data_is_there() -> None:
    shared("data", "nist-sms-box-assembly")


def run_import(folder: Path = NIST) -> str:
    out = StringIO()
    call_command("import_nist_box_assembly", str(folder), stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def imported(django_db_setup, django_db_blocker):
    """Imported once for the tests that only look; rolled back after the module."""
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        yield run_import()
        transaction.set_rollback(True)


def test_it_says_what_it_wrote(imported: str) -> None:
    assert imported == (
        "Imported 3 orders, 184 operation runs, 137 machine states, 60 checks with 1940 measurements.\n"
    )


def test_materials_and_routings(imported: str) -> None:
    found = Material.objects.filter(product_code__startswith="NIST-").annotate(operations=Count("routings__operations"))

    assert {(m.product_code, m.product_name, m.operations) for m in found} == {
        ("NIST-BOX", "Box", 5),
        ("NIST-COVER", "Cover", 3),
        ("NIST-PLATE", "Plate", 2),
    }


def test_orders_of_twenty_are_complete_with_true_times(imported: str) -> None:
    orders = {order.work_order_number: order for order in WorkOrder.objects.filter(work_order_number__contains="NIST")}

    assert set(orders) == {"WO-NIST-BOX", "WO-NIST-COVER", "WO-NIST-PLATE"}
    assert {(o.planned_quantity, o.actual_quantity, o.status) for o in orders.values()} == {
        (Decimal(20), Decimal(20), WorkOrderStatus.COMPLETED)
    }
    box = orders["WO-NIST-BOX"]
    assert box.actual_start == dt.datetime(2017, 2, 2, 16, 37, 8, 906250, tzinfo=dt.UTC)
    assert box.actual_end == dt.datetime(2017, 2, 17, 14, 2, 36, 468375, tzinfo=dt.UTC)


def test_184_runs_on_the_machines_that_made_them(imported: str) -> None:
    runs = Counter(
        OperationRun.objects.values_list(
            "job_order__work_order__work_order_number", "job_order__sequence", "equipment__code"
        )
    )

    assert sum(runs.values()) == 184
    assert runs == {
        ("WO-NIST-BOX", 1, "Hurco02"): 20,
        ("WO-NIST-BOX", 2, "Hurco02"): 20,
        ("WO-NIST-BOX", 3, "Hurco02"): 20,
        ("WO-NIST-BOX", 4, "Hurco02"): 4,
        ("WO-NIST-BOX", 5, "Hurco02"): 20,
        ("WO-NIST-COVER", 1, "Hurco04"): 20,
        ("WO-NIST-COVER", 2, "Hurco04"): 20,
        ("WO-NIST-COVER", 3, "Hurco04"): 20,
        ("WO-NIST-PLATE", 1, "Hurco04"): 20,
        ("WO-NIST-PLATE", 2, "Hurco04"): 20,
    }


def test_times_of_the_first_plate_operation(imported: str) -> None:
    job = JobOrder.objects.get(work_order__work_order_number="WO-NIST-PLATE", sequence=1)
    span = job.runs.aggregate(first=Min("started_at"), last=Max("ended_at"))

    assert span["first"] == job.actual_start == dt.datetime(2017, 2, 1, 13, 59, 35, 93750, tzinfo=dt.UTC)
    assert span["last"] == job.actual_end == dt.datetime(2017, 2, 6, 12, 14, 38, 500000, tzinfo=dt.UTC)


def test_every_run_is_the_run_of_the_file(imported: str) -> None:
    """Row by row against the file itself, not through our own reader."""
    stored = {
        run.details["source_file"]: run
        for run in OperationRun.objects.select_related("job_order__work_order__product", "equipment")
    }
    with (NIST / "derived" / "op_runs.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))

    assert len(rows) == len(stored)
    for row in rows:
        run = stored[row["file"]]
        product = run.job_order.work_order.product.product_name
        assert (product, str(run.job_order.sequence), run.equipment.code, run.piece) == (
            row["part"],
            row["op"],
            row["machine"],
            row["serial"],
        )
        assert run.started_at == dt.datetime.fromisoformat(row["first_ts"]).replace(tzinfo=dt.UTC)
        assert run.ended_at == dt.datetime.fromisoformat(row["last_ts"]).replace(tzinfo=dt.UTC)
        assert run.source == StateSource.IMPORT


def test_pieces_are_counted_when_a_run_ends(imported: str) -> None:
    made = {
        (job.work_order.work_order_number, job.sequence): job.good
        for job in JobOrder.objects.select_related("work_order")
    }

    assert made.pop(("WO-NIST-BOX", 4)) == 4
    assert set(made.values()) == {20}
    assert QuantityReport.objects.aggregate(good=Sum("good"), scrap=Sum("scrap")) == {"good": 184, "scrap": 0}


def test_oddities_are_kept_as_flags_with_their_facts(imported: str) -> None:
    def flagged(kind: str) -> set[tuple[str, int, str]]:
        return set(
            OperationRun.objects.filter(flags__contains=[kind]).values_list(
                "job_order__work_order__product__product_name", "job_order__sequence", "piece"
            )
        )

    assert flagged("overlap") == {("Plate", 1, "9")}
    assert ("Plate", 1, "4") in flagged("run_again")
    assert len(flagged("run_again")) == 5
    assert len(flagged("counter_jump")) == 12
    assert len(flagged("truncated_rows")) == 53
    assert flagged("no_machine_status") == {("Box", 4, "2"), ("Box", 4, "3"), ("Box", 4, "4")}
    overlap = OperationRun.objects.get(flags__contains=["overlap"])
    assert overlap.details["flags"]["overlap"] == {"with": "Plate-Op1-Hurco04-08of20.txt", "seconds": 36.296875}


def test_active_time_of_hurco04_on_its_first_day(imported: str) -> None:
    states = LineStateInterval.objects.filter(line__line_code="HURCO04")
    seconds = {
        row["state"]: row["length"].total_seconds()
        for row in states.values("state").annotate(length=Sum(LENGTH)).order_by()
    }

    assert seconds[LineState.RUNNING] == 10472.875
    assert sum(seconds.values()) == 28391.21875
    assert round(seconds[LineState.RUNNING] / sum(seconds.values()) * 100, 3) == 36.888
    assert set(states.values_list("source", flat=True)) == {StateSource.IMPORT}
    assert not states.filter(ended_at=None).exists()


def test_a_machine_without_a_stream_has_no_states(imported: str) -> None:
    assert ProductionLine.objects.get(line_code="HURCO02").state_intervals.count() == 0


def test_values_outside_the_limits_by_laboratory(imported: str) -> None:
    failing = Counter(
        Measurement.objects.filter(verdict=Verdict.FAIL).values_list(
            "check_record__work_order__product__product_name", "check_record__place"
        )
    )

    assert Measurement.objects.count() == 1940
    assert failing == {("Plate", "NIST-Mitutoyo"): 98, ("Plate", "MTC-Nikon"): 51, ("Cover", "NIST-Mitutoyo"): 1}


def test_our_verdicts_are_those_of_the_laboratories(imported: str) -> None:
    pairs = Counter(Measurement.objects.values_list("verdict", "reported_status"))

    assert pairs == {("pass", "PASS"): 1750, ("fail", "FAIL"): 150, (None, "PASS"): 40}


def test_the_piece_number_is_recorded_without_a_verdict(imported: str) -> None:
    numbers = Measurement.objects.filter(characteristic__is_informational=True)

    assert numbers.count() == 40
    assert all(
        m.verdict is None and str(m.value) == m.check_record.piece for m in numbers.select_related("check_record")
    )


def test_each_piece_is_checked_once_per_laboratory(imported: str) -> None:
    checks = Counter(QualityCheck.objects.values_list("work_order__work_order_number", "place", "performed_at"))

    assert checks == {
        ("WO-NIST-PLATE", "NIST-Mitutoyo", dt.datetime(2017, 7, 11, 9, 16, 18, tzinfo=dt.UTC)): 20,
        ("WO-NIST-PLATE", "MTC-Nikon", dt.datetime(2017, 3, 7, 10, 39, 11, tzinfo=dt.UTC)): 20,
        ("WO-NIST-COVER", "NIST-Mitutoyo", dt.datetime(2017, 7, 18, 9, 24, 30, tzinfo=dt.UTC)): 20,
    }
    pieces = {str(number) for number in range(1, 21)}
    for _order, place, _at in checks:
        assert set(QualityCheck.objects.filter(place=place).values_list("piece", flat=True)) == pieces
    assert QualityCheck.objects.filter(comment__contains="no number").get().piece == "20"


def test_values_keep_the_digits_of_the_file(imported: str) -> None:
    with (NIST / "derived" / "qif_measurements.csv").open(newline="") as opened:
        in_file = [row["value"] for row in csv.DictReader(opened)]

    assert [str(value) for value in Measurement.objects.order_by("pk").values_list("value", flat=True)] == in_file


def test_37_published_studies_reproduce_from_what_is_stored(imported: str) -> None:
    with (NIST / "derived" / "qif_published_capability.csv").open(newline="") as opened:
        published = {row["definition_name"]: row for row in csv.DictReader(opened)}
    studied = Characteristic.objects.filter(
        product__product_code="NIST-PLATE", name__endswith="(NIST-Mitutoyo)", is_informational=False
    )

    assert studied.count() == 37
    for characteristic in studied:
        study = published[characteristic.name.removesuffix(" (NIST-Mitutoyo)")]
        ours = capability(
            list(characteristic.measurements.order_by("pk").values_list("value", flat=True)),
            characteristic.lower_limit,
            characteristic.upper_limit,
            natural_limit=0 if characteristic.lower_limit is None else None,
        )
        assert (ours.cp, ours.cpk, ours.pp, ours.ppk) == pytest.approx(
            tuple(float(study[name]) for name in ("Cp", "Cpk", "Pp", "Ppk")), rel=2e-5
        )


def test_everything_is_the_doing_of_a_program_that_cannot_log_in(imported: str) -> None:
    importer = User.objects.get(username="nist-import")

    assert not importer.has_usable_password()
    assert not importer.is_person
    assert set(WorkOrder.objects.filter(created_by=importer).values_list("work_order_number", flat=True)) == {
        "WO-NIST-BOX",
        "WO-NIST-COVER",
        "WO-NIST-PLATE",
    }
