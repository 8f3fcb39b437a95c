"""`load_demo`: whole or not at all, once, and only where the plant is a toy."""

import datetime as dt
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.roles import ROLES
from audit.canonical import digest
from audit.models import Signature
from audit.signatures import signatures_of
from equipment.models import LineStateInterval, ProductionLine, Site
from mfg_project.demo import load
from mfg_project.demo.people import PASSWORD, PEOPLE
from mfg_project.demo.plant import LINES, REASONS, find_plant
from production.models import JobOrder, KpiDaily, ScheduledShift, WorkOrder
from production.queries.kpi import losses
from quality.models import Measurement, QualityCheck

pytestmark = pytest.mark.django_db
DAYS = 6


@pytest.fixture(scope="module")
def _loaded(django_db_setup, django_db_blocker):
    """One plant with a short past for all tests that only look; rolled back at the end."""
    from django.db import transaction

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "DAYS_BACK", DAYS)
        atomic = transaction.atomic()
        atomic.__enter__()
        try:
            yield load.load_demo(seed=20)
        finally:
            transaction.set_rollback(True)
            atomic.__exit__(None, None, None)


@pytest.fixture
def loaded(_loaded, db):
    return _loaded


def test_the_plant_has_lines_machines_and_reasons_in_two_languages(loaded):
    plant = find_plant()

    assert Site.objects.get().time_zone == "Asia/Tokyo"
    assert [line.line_code for line in ProductionLine.objects.order_by("line_code")] == [s.code for s in LINES]
    assert all(line.equipment.count() == 3 for line in plant.lines.values())
    assert len(plant.reasons) == len(REASONS)
    assert all(reason.name and reason.name_ja for reason in plant.reasons.values())
    assert {code for _product, code in plant.characteristics} == {"D1", "L1", "RA", "R20", "UP"}


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_there_is_a_person_for_every_role(loaded, role):
    user = authenticate(username=role, password=PASSWORD)

    assert user is not None
    assert (user.printed_name, [group.name for group in user.groups.all()]) == (PEOPLE[role], [role])


def test_states_have_no_gap_from_the_first_moment_to_now(loaded):
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM (
                SELECT started_at, lag(ended_at) OVER (PARTITION BY line_id ORDER BY started_at) AS before
                FROM equipment_linestateinterval) i
            WHERE before IS DISTINCT FROM started_at
            """
        )
        assert cursor.fetchone()[0] == len(LINES)  # only the first of each line has none before
    assert LineStateInterval.objects.filter(ended_at=None, state="running").count() == len(LINES)
    assert loaded.states + 2 * len(LINES) == LineStateInterval.objects.count()


def test_the_present_has_something_for_everybody(loaded):
    count = {
        status: WorkOrder.objects.filter(status=status).count()
        for status in dict(WorkOrder.objects.values_list("status", "pk"))
    }

    assert count["in_progress"] == count["planned"] == 2
    assert count["on_hold"] == count["cancelled"] == 1
    assert count["released"] >= 14
    assert count["created"] == 4
    assert count["completed"] == loaded.orders > 30
    assert JobOrder.objects.filter(status="running").count() == 2
    assert WorkOrder.objects.filter(status="planned", scheduled_end__lt=timezone.now()).count() == 1


def test_released_orders_carry_the_supervisors_signature(loaded):
    released = WorkOrder.objects.filter(status__in=["released", "in_progress", "on_hold"])

    for order in released:
        (shown,) = [view for view in signatures_of(order) if view.signature.transition == "release"]
        assert (shown.signature.signer.username, shown.content_matches) == ("supervisor", True)
        assert shown.signature.digest == digest(order.signed_content())
    assert Signature.objects.filter(transition="release").count() == released.count()


def test_the_order_on_hold_waits_for_the_second_of_two_signatures(loaded):
    part = Signature.objects.get(new_state="")

    assert (part.transition, part.signer.username, part.step_no) == ("resume", "qa_manager", 1)
    assert part.record_pk == str(WorkOrder.objects.get(status="on_hold").pk)


def test_past_orders_pretend_no_signature(loaded):
    assert not WorkOrder.objects.filter(status="completed", electronic_signature__isnull=False).exists()


def test_every_past_day_has_figures(loaded):
    rows = KpiDaily.objects.filter(report_date__lt=timezone.now() - dt.timedelta(days=2)).order_by("report_date")

    assert rows.count() >= 2 * (DAYS - 2)
    for row in rows:
        assert 50 < row.availability <= 100
        assert 80 < row.effectiveness <= 100
        assert 93 < row.quality_rate < 100
    assert not KpiDaily.objects.filter(report_date__gt=timezone.now() + dt.timedelta(days=1)).exists()


def test_the_waterfall_of_the_demo_adds_up(loaded):
    day = timezone.now().date() - dt.timedelta(days=3)
    waterfall = losses(day, day)

    lost = sum(loss.seconds for loss in waterfall.losses)
    assert waterfall.planned_s - lost == pytest.approx(waterfall.effective_s)
    assert {loss.kind for loss in waterfall.losses} == {"no_data", "setup", "stop", "idle", "speed", "quality"}


def test_shifts_are_planned_ahead(loaded):
    assert ScheduledShift.objects.filter(starts_at__gt=timezone.now() + dt.timedelta(days=13)).exists()


def test_checks_are_in_the_order_of_their_times_and_the_wheel_wears(loaded):
    checks = list(QualityCheck.objects.order_by("id").values_list("performed_at", flat=True))
    assert checks == sorted(checks)
    assert len(checks) == loaded.checks > 10

    seat = [
        float(value)
        for value in Measurement.objects.filter(characteristic__code="D1")
        .order_by("id")
        .values_list("value", flat=True)
    ]
    third = len(seat) // 3
    assert sum(seat[-third:]) / third > sum(seat[:third]) / third


def test_a_second_run_changes_nothing_and_says_so(loaded):
    before = WorkOrder.objects.count()
    out = StringIO()

    call_command("load_demo", stdout=out)

    assert "already" in out.getvalue()
    assert WorkOrder.objects.count() == before
