"""The simulated machines on a stepping clock, alone and beside people."""

import datetime as dt
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.services.users import note_alive
from audit.context import act_as
from audit.models import SecurityEvent, Signature, StateChange
from equipment.models import LineStateInterval
from equipment.services.line_states import set_line_state
from mfg_project.demo import problems
from mfg_project.demo.people import PASSWORD, simulator_user
from mfg_project.demo.simulator import NoPlant, Simulator
from production.models import JobOrder, QuantityReport, WorkOrder
from production.services.job_orders import complete_job, hold_job, report_quantity, start_job
from production.services.work_orders import hold_work_order
from tests import factories

pytestmark = pytest.mark.django_db


def line_of(demo, number: int = 1):
    return demo.lines[f"LINE-{number}"]


def state_of(line) -> str:
    return line.state_intervals.get(ended_at=None).state


def running_job(line) -> JobOrder:
    return JobOrder.objects.get(production_line=line, status="running")


def acting(role: str):
    from accounts.models import User

    return act_as(User.objects.get(username=role), source="test")


def test_it_works_through_its_orders(demo, clock):
    clock.run(Simulator(seed=20), seconds=800)

    finished = WorkOrder.objects.filter(status="completed")
    assert finished.count() >= 2
    for order in finished:
        jobs = list(order.job_orders.order_by("sequence"))
        assert all(job.status == "completed" for job in jobs)
        assert order.actual_quantity == jobs[-1].good
        assert jobs[0].produced == order.planned_quantity
        assert all(after.produced == before.good for before, after in pairwise(jobs))
    states = set(LineStateInterval.objects.values_list("state", flat=True))
    assert states == {"setup", "running", "stopped", "idle"}
    stops = LineStateInterval.objects.filter(state="stopped")
    assert stops.filter(reason=None).exists()
    assert stops.filter(reason__isnull=False).exists()
    assert QuantityReport.objects.filter(scrap=1, reason__isnull=False).exists()
    assert not QuantityReport.objects.exclude(source="machine").exists()
    assert not LineStateInterval.objects.exclude(source="machine").exists()


def test_one_job_at_a_time_on_each_line(demo, clock):
    simulator = Simulator(seed=20)
    for _ in range(40):
        clock.run(simulator, seconds=10)
        for line in demo.lines.values():
            assert JobOrder.objects.filter(production_line=line, status="running").count() <= 1


def test_the_same_seed_decides_the_same_and_another_one_differently(demo, clock):
    def decisions(seed: int):
        with transaction.atomic():
            begin = clock.now
            clock.run(Simulator(seed=seed), seconds=300)
            clock.now = begin
            found = (
                list(LineStateInterval.objects.order_by("id").values_list("line__line_code", "state", "reason__code")),
                list(QuantityReport.objects.order_by("id").values_list("job_order_id", "good", "reason__code")),
            )
            transaction.set_rollback(True)
        return found

    first = decisions(20)
    assert decisions(20) == first
    assert decisions(21) != first
    assert len(first[1]) > 50


def test_a_piece_every_few_seconds(demo, clock):
    clock.run(Simulator(seed=20), seconds=300)

    pieces = QuantityReport.objects.filter(production_line=line_of(demo)).count()
    assert 300 / 6 * 0.5 < pieces < 300 / 2


def test_it_needs_the_demo_plant(db):
    with pytest.raises(NoPlant):
        Simulator(seed=1)


class TestOrders:
    def test_it_refills_the_stock_with_signed_orders(self, demo, clock):
        released = WorkOrder.objects.filter(status="released", production_line=line_of(demo))
        for order in released.order_by("-scheduled_start")[:3]:
            with acting("supervisor"):
                hold_work_order(work_order_id=order.pk, reason="test")

        clock.run(Simulator(seed=20), seconds=5)

        assert released.count() == 8
        assert set(Signature.objects.values_list("signer__username", flat=True)) == {"supervisor"}
        assert Signature.objects.filter(source="simulator").count() == 6

    def test_without_the_supervisors_password_nobody_signs_and_nothing_piles_up(self, demo, clock):
        from accounts.models import User

        supervisor = User.objects.get(username="supervisor")
        supervisor.set_password("a visitor changed it")
        with factories.arranging():
            supervisor.save()
        for order in WorkOrder.objects.filter(status="released").order_by("-scheduled_start")[:8]:
            with acting("supervisor"):
                hold_work_order(work_order_id=order.pk, reason="test")
        before = WorkOrder.objects.count()

        clock.run(Simulator(seed=20), seconds=400, tick=2)

        assert WorkOrder.objects.count() == before
        assert not SecurityEvent.objects.filter(kind="signing_failed").exists()
        assert QuantityReport.objects.exists()  # what is released is still made

    def test_a_line_without_orders_is_idle(self, demo, clock):
        from accounts.models import User

        with factories.arranging():
            User.objects.filter(username="supervisor").update(password="!")
        with acting("qa_manager"):
            for order in WorkOrder.objects.filter(production_line=line_of(demo)):
                hold_work_order(work_order_id=order.pk, reason="test")

        clock.run(Simulator(seed=20), seconds=60)

        assert state_of(line_of(demo)) == "idle"
        assert state_of(line_of(demo, 2)) == "running"


class TestStops:
    def test_a_caused_problem_lasts_ninety_seconds_and_waits_for_an_explanation(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.catch_up(simulator)
        stop = problems.cause_problem(line_of(demo).pk)

        clock.run(simulator, seconds=80)
        assert state_of(line_of(demo)) == "stopped"
        assert stop.needs_explanation
        pieces = QuantityReport.objects.filter(production_line=line_of(demo)).count()

        clock.now = stop.started_at + problems.LASTS
        clock.run(simulator, seconds=10)
        stop.refresh_from_db()
        assert stop.ended_at is not None
        assert QuantityReport.objects.filter(production_line=line_of(demo)).count() > pieces

    def test_the_other_line_goes_on(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.catch_up(simulator)
        problems.cause_problem(line_of(demo).pk)
        before = QuantityReport.objects.filter(production_line=line_of(demo, 2)).count()

        clock.run(simulator, seconds=30)

        assert QuantityReport.objects.filter(production_line=line_of(demo, 2)).count() > before

    def test_what_a_person_stopped_stays_stopped(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.catch_up(simulator)
        with acting("maintenance"):
            interval = set_line_state(line_id=line_of(demo).pk, state="maintenance")

        clock.run(simulator, seconds=20 * 60, tick=30)
        assert state_of(line_of(demo)) == "maintenance"

        clock.now = interval.started_at + dt.timedelta(minutes=31)
        clock.run(simulator, seconds=5)
        assert state_of(line_of(demo)) == "running"

    def test_a_person_ends_a_stop_earlier(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.catch_up(simulator)
        problems.cause_problem(line_of(demo).pk)
        with acting("operator"):
            set_line_state(line_id=line_of(demo).pk, state="running")
        before = QuantityReport.objects.filter(production_line=line_of(demo)).count()

        clock.run(simulator, seconds=15)

        assert QuantityReport.objects.filter(production_line=line_of(demo)).count() > before


class TestPeopleOnTheSameLine:
    def test_a_job_a_person_started_is_left_to_that_person(self, demo, clock):
        job = JobOrder.objects.filter(production_line=line_of(demo), work_order__status="released").first()
        with acting("operator"):
            start_job(job_order_id=job.pk)
            report_quantity(job_order_id=job.pk, good=Decimal(3))

        clock.run(Simulator(seed=20), seconds=120)

        job.refresh_from_db()
        assert (job.produced, job.status) == (3, "running")
        assert running_job(line_of(demo)) == job

    def test_a_held_job_gives_the_line_to_people_for_a_minute(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.run(simulator, seconds=90)
        job = running_job(line_of(demo))
        with acting("operator"):
            hold_job(job_order_id=job.pk, reason_id=demo.reasons["H-MAT"].pk)

        clock.run(simulator, seconds=50)
        assert state_of(line_of(demo)) == "idle"

        clock.run(simulator, seconds=90)
        job.refresh_from_db()
        assert job.status == "held"
        assert running_job(line_of(demo)).work_order_id != job.work_order_id

    def test_a_job_completed_by_a_person_is_followed_by_the_next_operation(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.run(simulator, seconds=90)
        job = running_job(line_of(demo))
        with acting("operator"):
            complete_job(job_order_id=job.pk)

        clock.run(simulator, seconds=120)

        assert running_job(line_of(demo)).work_order_id == job.work_order_id

    def test_an_order_put_on_hold_stops_the_counting(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.run(simulator, seconds=90)
        job = running_job(line_of(demo))
        with acting("supervisor"):
            hold_work_order(work_order_id=job.work_order_id, reason="Customer called.")
        job.refresh_from_db()

        clock.run(simulator, seconds=60)

        assert JobOrder.objects.get(pk=job.pk).produced == job.produced
        assert state_of(line_of(demo)) == "idle"

    def test_pieces_a_person_adds_are_not_made_twice(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.run(simulator, seconds=90)
        job = running_job(line_of(demo))
        left = job.work_order.planned_quantity - JobOrder.objects.get(pk=job.pk).produced
        with acting("operator"):
            report_quantity(job_order_id=job.pk, good=left)

        clock.run(simulator, seconds=30)

        job.refresh_from_db()
        assert (job.status, job.produced) == ("completed", job.work_order.planned_quantity)

    def test_a_refusal_is_looked_at_again_later(self, demo, clock, monkeypatch):
        simulator = Simulator(seed=20)
        clock.run(simulator, seconds=90)
        job = running_job(line_of(demo))
        driver = simulator.lines[0]
        seen = driver.running_job()
        with acting("operator"):
            complete_job(job_order_id=job.pk)
        monkeypatch.setattr(driver, "running_job", lambda: seen)  # as if it had looked just before
        driver.due = None
        clock.run(simulator, seconds=3)
        monkeypatch.undo()

        clock.run(simulator, seconds=120)

        assert running_job(line_of(demo)).sequence == 20


class TestSilence:
    def test_a_pause_becomes_no_data_from_the_last_sign_of_life(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.run(simulator, seconds=60)
        alive = simulator.user.last_login
        later = Simulator(seed=20)

        later.begin(timezone.now() + dt.timedelta(hours=8))

        for line in demo.lines.values():
            current = line.state_intervals.get(ended_at=None)
            assert current.state == "no_data"
            assert current.started_at >= alive
            assert current.started_at - alive < dt.timedelta(seconds=60)

    def test_and_ends_with_the_first_piece_of_news(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.run(simulator, seconds=60)
        clock.now += dt.timedelta(hours=8)
        later = Simulator(seed=20)
        later.begin(clock.now)
        job = running_job(line_of(demo))

        clock.run(later, seconds=30)

        assert state_of(line_of(demo)) in ("running", "stopped")
        assert running_job(line_of(demo)) == job

    def test_a_restart_is_no_gap(self, demo, clock):
        clock.run(Simulator(seed=20), seconds=60)
        before = LineStateInterval.objects.count()

        Simulator(seed=20).begin(timezone.now() + dt.timedelta(seconds=20))

        assert LineStateInterval.objects.count() == before

    def test_before_its_first_run_the_last_fact_is_the_last_sign_of_life(self, demo):
        with act_as(simulator_user(), source="test"):
            set_line_state(line_id=line_of(demo).pk, state="setup", at=timezone.now() - dt.timedelta(hours=3))

        Simulator(seed=20).begin(timezone.now())

        assert state_of(line_of(demo)) == "no_data"

    def test_it_shows_that_it_is_alive(self, demo, clock):
        simulator = Simulator(seed=20)
        clock.run(simulator, seconds=5)
        first = simulator_user().last_login

        clock.run(simulator, seconds=30)

        assert simulator_user().last_login > first
        note_alive(simulator.user)


def test_what_it_does_carries_its_name(demo, clock):
    clock.run(Simulator(seed=20), seconds=120)

    assert set(StateChange.objects.filter(transition="start").values_list("actor_name", "source")) == {
        ("Machine simulator", "simulator")
    }
    assert not simulator_user().has_usable_password()
    assert simulator_user().password != PASSWORD
