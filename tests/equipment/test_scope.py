"""Rights per line: what an account with lines sees, what it is refused, and what the rule costs."""

import datetime as dt
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit import master_data, records
from audit.context import act_as
from audit.errors import DomainError, InvalidInput, MissingPermission, NotFound, OutsideScope
from equipment.enums import LineState
from equipment.models import Area, Equipment, LineAssignment, LineStateInterval, ProductionLine
from equipment.scope import lines_of, names_in_scope, require_line, visible
from equipment.services.line_assignments import assign_line, set_assignment
from equipment.services.line_states import record_past_states
from mfg_project.demo.problems import cause_problem
from production.models import Batch, JobOrder, QuantityReport, ScheduledShift, Shift, WorkOrder
from production.services.job_orders import report_quantity, start_job
from production.services.work_orders import create_work_order, update_work_order
from quality.models import Measurement, QualityCheck
from tests import factories
from tests.accounts.test_roles import DOORS, Door, _new_order
from tests.admin.world import World, world
from tests.test_routes import everything

pytestmark = pytest.mark.django_db

OF_NO_LINE = {
    "create a material",
    "change a limit",
    "create_user",
    "update_user",
    "set_password",
    "send_link",
    "unlock",
    "acknowledge",
    "dispose",  # leaves what the account does not see (tests/audit/test_disposal.py)
    "qualify",
    "end_qualification",
    "issue statement",
    "revoke an authenticator",
    "revoke a PIN",
    "place_hold",
    "lift_hold",
    "set_policy",
    "update_policy",
    "send_checkpoint",
}
SEEN_ONLY = {"record_check"}  # of an order that is not seen nothing is told: it does not exist


@pytest.fixture
def a(as_admin) -> World:
    return world()


@pytest.fixture
def b(a) -> World:
    return world()


@pytest.fixture
def foreman(a) -> User:
    """Every right a role can give, on line A."""
    with factories.arranging():
        made = User.objects.create_user("foreman", "", "x", printed_name="Foreman")
        made.groups.set(Group.objects.exclude(name="integration"))
    assign_line(user_id=made.pk, line_id=a.plant.line.pk)
    return made


@contextmanager
def refused(*lines: ProductionLine):
    """Refused, saying which lines the account works on, and nothing is written."""
    before = everything()
    with pytest.raises(OutsideScope) as caught, transaction.atomic():
        yield
    assert caught.value.facts["lines"] == [line.line_code for line in lines]
    assert ", ".join(line.line_code for line in lines) in str(caught.value)
    assert everything() == before


# --- the rule ---------------------------------------------------------------------------------------


def test_without_assignments_an_account_works_on_the_whole_plant(a, user_of):
    user = user_of("operator")
    with act_as(user, source="test"):
        lines = ProductionLine.objects.all()
        assert lines_of(user) is None
        assert visible(lines) is lines
        assert names_in_scope() == []


def test_an_administrator_works_on_the_whole_plant_and_costs_no_query(a, as_admin, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert lines_of(as_admin) is None


def test_the_lines_are_asked_once_in_an_act(foreman, a, b, django_assert_num_queries):
    with act_as(foreman, source="test"), django_assert_num_queries(1):
        assert lines_of(foreman) == {a.plant.line.pk}
        visible(WorkOrder.objects.all())
        require_line(a.plant.line.pk)
    assign_line(user_id=foreman.pk, line_id=b.plant.line.pk)
    with act_as(foreman, source="test"):
        assert lines_of(foreman) == {a.plant.line.pk, b.plant.line.pk}


def test_a_stranger_sees_no_line():
    from django.contrib.auth.models import AnonymousUser

    assert lines_of(AnonymousUser()) == frozenset()


def test_each_record_is_seen_where_it_belongs(foreman, a, b):
    with act_as(foreman, source="test"):
        assert set(visible(ProductionLine.objects.all())) == {a.plant.line}
        assert set(visible(Equipment.objects.all())) == {a.plant.machine}
        assert {interval.line_id for interval in visible(LineStateInterval.objects.all())} == {a.plant.line.pk}
        assert {order.production_line_id for order in visible(WorkOrder.objects.all())} == {a.plant.line.pk}
        assert {job.production_line_id for job in visible(JobOrder.objects.all())} == {a.plant.line.pk}
        assert {report.production_line_id for report in visible(QuantityReport.objects.all())} == {a.plant.line.pk}
        assert {shift.line_id for shift in visible(ScheduledShift.objects.all())} == {a.plant.line.pk}
        assert list(visible(QualityCheck.objects.all())) == [a.check]
        assert set(visible(Measurement.objects.all())) == set(a.check.measurements.all())
        assert set(visible(Batch.objects.all())) == {a.planned.batch}


def test_an_order_is_seen_by_every_line_that_runs_an_operation_of_it_once(foreman, a, b):
    jobs = b.planned.job_orders.order_by("sequence")
    for job in jobs:
        records.update(job, reason="Moved to line A", production_line_id=a.plant.line.pk)
    with act_as(foreman, source="test"):
        assert visible(WorkOrder.objects.all()).filter(pk=b.planned.pk).count() == 1
        assert set(visible(JobOrder.objects.filter(work_order=b.planned))) == set(jobs)
        with refused(a.plant.line):
            update_work_order(work_order_id=b.planned.pk, priority=1)


def test_an_order_without_a_line_is_for_the_whole_plant(foreman, a):
    unplaced = factories.work_order(a.plant, production_line_id=None)
    with act_as(foreman, source="test"):
        assert not visible(WorkOrder.objects.filter(pk=unplaced.pk)).exists()
        with refused(a.plant.line):
            update_work_order(work_order_id=unplaced.pk, production_line_id=a.plant.line.pk)


def test_a_batch_no_order_has_yet_can_be_chosen(foreman, a):
    fresh = records.create(Batch(batch_number="FRESH", product=a.plant.product))
    with act_as(foreman, source="test"):
        assert fresh in visible(Batch.objects.all())


# --- writes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", [door for door in DOORS if door.name not in OF_NO_LINE], ids=lambda door: door.name)
def test_a_service_refuses_another_line_and_serves_the_own(door, foreman, a, b):
    with act_as(foreman, source="test"):
        if door.name in SEEN_ONLY:
            with pytest.raises(NotFound):
                door.call(b)
        else:
            with refused(a.plant.line):
                door.call(b)
        assert not isinstance(_met(door, a), MissingPermission)


def _met(door: Door, made: World) -> DomainError | None:
    """What else stands in the way on the own line: a state, a missing signature."""
    try:
        with transaction.atomic():
            door.call(made)
    except DomainError as met:
        return met
    return None


def test_an_order_of_an_account_with_lines_names_one_of_them(foreman, a, b):
    new = _new_order(a, "WO-MINE")
    with act_as(foreman, source="test"):
        with pytest.raises(InvalidInput) as unnamed:
            create_work_order(**new | {"production_line_id": None})
        assert a.plant.line.line_code in unnamed.value.fields["production_line_id"]
        with refused(a.plant.line):
            create_work_order(**new | {"production_line_id": b.plant.line.pk})
        order = create_work_order(**new)
        with refused(a.plant.line):
            update_work_order(work_order_id=order.pk, production_line_id=b.plant.line.pk)
        with pytest.raises(InvalidInput):
            update_work_order(work_order_id=order.pk, production_line_id=None)


def test_a_batch_of_another_line_is_not_found(foreman, a, b):
    with act_as(foreman, source="test"), pytest.raises(NotFound):
        create_work_order(**_new_order(a, "WO-MINE"), batch_id=b.planned.batch_id)


def test_a_job_is_run_by_its_line_whatever_line_the_order_has(foreman, a, b, as_admin):
    order = factories.work_order(b.plant, status="released")
    job = factories.first_job(order)
    records.update(job, reason="Moved to line A", production_line_id=a.plant.line.pk)
    with act_as(foreman, source="test"):
        start_job(job_order_id=job.pk)
        report_quantity(job_order_id=job.pk, good=Decimal(1))
    job.refresh_from_db()
    assert (job.status, job.good) == ("running", 1)


def test_past_states_of_another_line_are_refused(foreman, a, b, now):
    began = now - dt.timedelta(days=9)
    past = LineStateInterval(state=LineState.IDLE, started_at=began, ended_at=began + dt.timedelta(hours=1))
    with act_as(foreman, source="test"), refused(a.plant.line):
        record_past_states(line_id=b.plant.line.pk, intervals=[past], source="import")


def test_master_data_of_a_line_is_changed_by_its_accounts(foreman, a, b):
    with act_as(foreman, source="test"):
        master_data.update_record(Equipment, pk=a.plant.machine.pk, reason="Named anew", name="Renamed")
        with refused(a.plant.line):
            master_data.update_record(Equipment, pk=b.plant.machine.pk, reason="Named anew", name="Renamed")
        with refused(a.plant.line):
            master_data.update_record(Equipment, pk=a.plant.machine.pk, reason="Named anew", line=b.plant.line)
        with refused(a.plant.line):
            master_data.update_record(ProductionLine, pk=b.plant.line.pk, reason="Named anew", line_name="Renamed")
        with refused(a.plant.line):
            master_data.create_record(ProductionLine, area=Area.objects.first(), line_code="N", line_name="N")
        with refused(a.plant.line):
            master_data.update_record(Batch, pk=b.planned.batch_id, reason="Named anew", batch_number="Renamed")
        master_data.update_record(Batch, pk=a.planned.batch_id, reason="Named anew", batch_number="Renamed")
        with refused(a.plant.line):  # a pattern of every line
            master_data.update_record(
                Shift, pk=Shift.objects.filter(line=None).first().pk, reason="Named anew", name="Renamed"
            )


def test_the_demo_button_stops_only_the_own_line(foreman, b, a, settings):
    settings.DEMO = True
    with act_as(foreman, source="test"), refused(a.plant.line):
        cause_problem(b.plant.line.pk)


# --- assignments ------------------------------------------------------------------------------------


def test_a_line_is_given_taken_back_and_given_again_with_its_history(foreman, a):
    found = LineAssignment.objects.get(user=foreman)

    set_assignment(assignment_id=found.pk, is_active=False, reason="on leave")
    assert lines_of(foreman) is None
    again = assign_line(user_id=foreman.pk, line_id=a.plant.line.pk)

    assert (again.pk, again.is_active) == (found.pk, True)
    assert [(h.is_active, h.history_change_reason) for h in found.history.order_by("history_id")] == [
        (True, None),
        (False, "on leave"),
        (True, None),
    ]


def test_who_works_on_some_lines_gives_nobody_others(foreman, a, b):
    from django.contrib.auth.models import Permission

    with factories.arranging():
        foreman.user_permissions.add(Permission.objects.get(codename="change_user"))
    own = LineAssignment.objects.get(user=foreman)
    with act_as(User.objects.get(pk=foreman.pk), source="test"):
        with refused(a.plant.line):
            assign_line(user_id=foreman.pk, line_id=b.plant.line.pk)
        with refused(a.plant.line):
            set_assignment(assignment_id=own.pk, is_active=False)


def test_only_who_changes_users_assigns(foreman, b, user_of):
    with act_as(user_of("planner"), source="test"), pytest.raises(MissingPermission) as missing:
        assign_line(user_id=foreman.pk, line_id=b.plant.line.pk)
    assert missing.value.permission == "accounts.change_user"


def test_an_administrator_is_not_bound_to_lines(as_admin, a):
    with pytest.raises(InvalidInput):
        assign_line(user_id=as_admin.pk, line_id=a.plant.line.pk)


# --- doors ------------------------------------------------------------------------------------------


@pytest.fixture
def at_home(client, foreman):
    client.force_login(foreman)
    return client


def test_a_page_says_in_both_languages_which_lines(at_home, a, b):
    response = at_home.post(f"/orders/{b.planned.pk}/plan/")

    assert response.status_code == 403
    assert response.content.decode().count(a.plant.line.line_code) == 2


def test_the_api_says_which_lines_and_keeps_the_rest_to_itself(at_home, a, b):
    body = {"line_id": str(b.plant.line.pk), "state": "idle"}
    answer = at_home.post("/api/v1/line-states/", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (403, "outside_scope")
    assert answer.json()["lines"] == [a.plant.line.line_code]
    assert "permission" not in answer.json()
    assert at_home.post(f"/api/v1/work-orders/{b.planned.pk}/plan/").status_code == 404


def test_the_board_says_which_lines_it_shows(at_home, a):
    assert f"Lines: {a.plant.line.line_name}" in at_home.get("/board/").content.decode()


def test_boards_of_other_lines_do_not_share(rf, foreman, a, user_of):
    from production.views.board import _viewer

    def viewer(user):
        request = rf.get("/board/")
        request.user = user
        with act_as(user, source="test"):
            return _viewer(request)

    with factories.arranging():
        everybody = User.objects.create_user("everybody", "", "x", printed_name="Everybody")
        everybody.groups.set(foreman.groups.all())
    assert viewer(everybody) != viewer(foreman)


def test_a_scanned_job_of_another_line_is_not_told_where_it_belongs(at_home, a, b):
    code = f"{b.running.work_order_number}/{factories.first_job(b.running).sequence}"
    page = at_home.post(f"/terminal/scan/{a.plant.line.pk}/", {"code": code}).content.decode()

    assert "belongs to another line" in page
    assert b.plant.line.line_name not in page


def test_the_order_page_of_another_lines_order_offers_no_step(at_home, a, b):
    records.update(b.planned.job_orders.first(), reason="Moved to line A", production_line_id=a.plant.line.pk)
    page = at_home.get(f"/orders/{b.planned.pk}/").content.decode()

    assert "works on these lines only" in page
    assert at_home.get(f"/orders/{b.planned.pk}/edit/").status_code == 403


def test_the_filter_part_of_an_unlimited_account_is_the_same_sql(client, user_of, a):
    client.force_login(user_of("supervisor"))
    with CaptureQueriesContext(connection) as seen:
        client.get("/orders/")
    asked = [query["sql"] for query in seen if "equipment_lineassignment" in query["sql"]]

    assert len(asked) == 1
    assert [
        query["sql"] for query in seen if "production_joborder" in query["sql"] and " IN (SELECT" in query["sql"]
    ] == []


def test_the_page_of_a_user_gives_and_takes_lines(client, as_admin, a, b, user_of):
    client.force_login(as_admin)
    user = user_of("operator")
    address = f"/admin/accounts/user/{user.pk}/change/"
    plain = {"printed_name": user.printed_name, "is_person": "on", "is_active": "on", "roles": ["operator"]}
    plain["change_reason"] = "Learned line A"
    row = "line_assignments-0-"
    management = {"line_assignments-TOTAL_FORMS": "1", "line_assignments-INITIAL_FORMS": "0"}
    given = client.post(address, plain | management | {row + "line": str(a.plant.line.pk)})
    assert given.status_code == 302
    found = LineAssignment.objects.get(user=user)
    assert (found.line, found.is_active, found.created_by) == (a.plant.line, True, as_admin)

    kept = {row + "id": str(found.pk), row + "user": str(user.pk), row + "seen_version": str(found.version)}
    management["line_assignments-INITIAL_FORMS"] = "1"
    moved = {row + "line": str(b.plant.line.pk)}  # a row keeps its line, whatever is sent
    assert client.post(address, plain | management | kept | moved).status_code == 302
    found.refresh_from_db()
    assert (found.line, found.is_active) == (a.plant.line, False)


def test_the_page_of_an_assignment_takes_the_line_back_and_survives_a_save_of_nothing(client, as_admin, foreman):
    client.force_login(as_admin)
    found = LineAssignment.objects.get(user=foreman)
    address = f"/admin/equipment/lineassignment/{found.pk}/change/"

    assert (
        client.post(address, {"is_active": "on", "seen_version": "1", "change_reason": "Looked at"}).status_code == 302
    )
    found.refresh_from_db()
    assert (found.is_active, found.version) == (True, 1)
    assert client.post(address, {"seen_version": "1", "change_reason": "on leave"}).status_code == 302
    found.refresh_from_db()
    assert (found.is_active, found.history.latest().history_change_reason) == (False, "on leave")


def test_the_auditor_sees_the_lines_of_a_user_and_changes_nothing(client, user_of, foreman, a):
    client.force_login(user_of("auditor"))
    page = client.get(f"/admin/accounts/user/{foreman.pk}/change/").content.decode()

    assert a.plant.line.line_code in page
    assert 'name="line_assignments-0-is_active"' not in page
