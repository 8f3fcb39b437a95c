"""When the kept sums are recomputed, and that nobody waits for it."""

import contextvars
import datetime as dt
import threading
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from audit import records
from equipment.models import LineStateInterval
from equipment.services.line_states import set_line_state
from production.models import KpiDaily, KpiDay, KpiDayStop, KpiDirtyDay, QuantityReport, ScheduledShift, WorkOrder
from production.queries import kpi
from production.services.kpi import LOCK, is_stale, last_refresh, refresh_kpis
from tests import factories
from tests.audit.journal import nothing_kept
from tests.production.kpi_facts import DAY, at, counted, hours, planned, states

NEXT_DAY = DAY + dt.timedelta(days=1)


def dirty() -> set[dt.date]:
    return set(KpiDirtyDay.objects.values_list("report_date", flat=True))


@pytest.fixture
def clean(plant):
    """Nothing is dirty yet."""
    refresh_kpis()
    assert not KpiDirtyDay.objects.exists()
    return plant


@pytest.mark.django_db
class TestWhatMakesADayDirty:
    def test_bulk_created_states_mark_every_day_they_touch(self, clean):
        states(clean.line, ("22:00", "26:00", "running"))

        assert dirty() == {DAY, NEXT_DAY}

    def test_an_update_past_the_services_marks_the_day_before_and_after(self, clean):
        states(clean.line, ("10:00", "11:00", "running"))
        refresh_kpis()

        with factories.arranging():
            LineStateInterval.objects.update(started_at=at("10:00", day=NEXT_DAY), ended_at=at("11:00", day=NEXT_DAY))

        assert dirty() == {DAY, NEXT_DAY}

    def test_raw_sql_marks_it_too(self, clean):
        states(clean.line, ("10:00", "11:00", "running"))
        refresh_kpis()

        with nothing_kept(), factories.arranging(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM equipment_linestateinterval")

        assert dirty() == {DAY}

    def test_reports_orders_and_shifts_mark_theirs(self, clean):
        counted(clean, (at("10:00"), 5), scheduled_end=at("40:00"))
        assert dirty() == {DAY}
        refresh_kpis()

        with factories.arranging():
            WorkOrder.objects.update(scheduled_start=at("20:00", day=NEXT_DAY), scheduled_end=at("30:00", day=NEXT_DAY))
        assert dirty() == {DAY, NEXT_DAY}
        refresh_kpis()

        shift = planned(clean.line, "22:00", "30:00")
        assert dirty() == {DAY, NEXT_DAY}
        refresh_kpis()
        with factories.arranging():
            ScheduledShift.objects.filter(pk=shift.pk).update(is_cancelled=True)
        assert dirty() == {DAY, NEXT_DAY}

    def test_a_shift_to_come_has_no_figures_yet(self, clean):
        planned(clean.line, "08:00", "16:00", day=timezone.now().date() + dt.timedelta(days=3))

        assert dirty() == set()

    def test_an_update_that_changes_nothing_of_a_day_costs_no_more_than_that_day(self, clean):
        states(clean.line, ("10:00", "11:00", "running"))
        states(clean.line, ("10:00", "11:00", "running"), day=NEXT_DAY)
        refresh_kpis()

        with factories.arranging():
            LineStateInterval.objects.filter(started_at__lt=at("24:00")).update(comment="looked at")

        assert dirty() == {DAY}


@pytest.mark.django_db
class TestRefresh:
    def test_a_correction_of_the_past_arrives(self, clean):
        states(clean.line, ("10:00", "11:00", "running"))
        refresh_kpis()
        assert KpiDay.objects.get(report_date=DAY).running_s == hours(1)

        with factories.arranging():
            LineStateInterval.objects.update(ended_at=at("13:00"))
        refresh_kpis()

        assert KpiDay.objects.get(report_date=DAY).running_s == hours(3)
        assert kpi.daily(DAY, DAY).get().running_s == hours(3)

    def test_twice_is_the_same_as_once(self, clean):
        planned(clean.line, "08:00", "16:00")
        states(clean.line, ("08:00", "12:00", "running"), ("12:00", "16:00", "stopped"))
        counted(clean, (at("10:00"), 5, 1))

        refresh_kpis()
        first = list(KpiDaily.objects.filter(report_date=DAY).values()), list(KpiDayStop.objects.values("seconds"))
        refresh_kpis()
        refresh_kpis(everything=True)

        assert first == (
            list(KpiDaily.objects.filter(report_date=DAY).values()),
            list(KpiDayStop.objects.values("seconds")),
        )

    def test_only_what_changed_is_recomputed_and_always_today(self, clean):
        states(clean.line, ("10:00", "11:00", "running"))

        assert refresh_kpis().days_recomputed == 2
        assert refresh_kpis().days_recomputed == 1

    def test_an_open_state_grows_without_any_event(self, clean, now):
        set_line_state(line_id=clean.line.pk, state="stopped", at=now - dt.timedelta(hours=50))
        refresh = refresh_kpis()
        refresh.refreshed_at -= dt.timedelta(days=2)  # as if no beat had run for two days
        refresh.save()
        KpiDay.objects.update(stopped_s=0)

        assert refresh_kpis().days_recomputed == 3
        assert not KpiDay.objects.filter(report_date__gte=now.date() - dt.timedelta(days=1), stopped_s=0).exists()

    def test_everything_rebuilds_a_base_that_was_lost(self, clean):
        states(clean.line, ("10:00", "11:00", "running"))
        refresh_kpis()
        KpiDay.objects.all().delete()
        KpiDirtyDay.objects.all().delete()

        refresh_kpis(everything=True)

        assert KpiDay.objects.get(report_date=DAY).running_s == hours(1)

    def test_everything_follows_a_reason_that_became_planned(self, clean):
        planned(clean.line, "08:00", "16:00")
        states(clean.line, ("08:00", "16:00", "stopped"), reason=clean.stop_reason)
        refresh_kpis()
        assert KpiDay.objects.get(report_date=DAY).planned_busy_s == hours(8)

        records.update(clean.stop_reason, is_planned=True, reason="Planned from now on")
        refresh_kpis(everything=True)

        assert KpiDay.objects.get(report_date=DAY).planned_busy_s == 0
        assert not KpiDayStop.objects.filter(report_date=DAY).exists()

    def test_it_says_when_and_pages_know_when_that_is_too_old(self, clean):
        refresh = last_refresh()

        assert refresh.duration_ms > 0
        assert not is_stale(refresh, now=timezone.now())
        assert is_stale(refresh, now=timezone.now() + dt.timedelta(minutes=4))
        assert is_stale(None, now=timezone.now())

    def test_the_command_says_what_it_did(self, clean):
        states(clean.line, ("10:00", "11:00", "running"))
        out = StringIO()

        call_command("refresh_kpis", stdout=out)

        assert "Recomputed 2 days" in out.getvalue()
        call_command("refresh_kpis", everything=True, stdout=out)
        assert kpi.daily(DAY, DAY).get().running_s == hours(1)


def in_thread(call):
    """The result of `call` on a connection of its own; fails when it has to wait."""
    results = []

    def run():
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            results.append(call())
        finally:
            connections.close_all()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,))
    thread.start()
    thread.join(timeout=20)
    assert not thread.is_alive()
    return results[0]


@pytest.mark.django_db(transaction=True)
class TestNobodyWaits:
    def test_a_second_refresh_leaves_at_once(self, plant):
        with transaction.atomic():
            assert refresh_kpis() is not None

            assert in_thread(refresh_kpis) is None
        assert in_thread(refresh_kpis) is not None

    def test_the_command_says_so(self, plant):
        def command():
            with pytest.raises(CommandError, match="Another refresh"):
                call_command("refresh_kpis")
            return True

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema() || %s))", [LOCK])
            assert in_thread(command)

    def test_readers_and_writers_go_on_during_a_refresh(self, plant, as_admin):
        states(plant.line, ("10:00", "11:00", "running"))
        refresh_kpis()
        user = as_admin

        def write_and_read():
            with factories.arranging():
                LineStateInterval.objects.create(
                    line=plant.line,
                    state="idle",
                    started_at=at("11:00"),
                    ended_at=at("12:00"),
                    source="person",
                    reported_by=user,
                )
            return kpi.daily(DAY, DAY).get().running_s

        with factories.arranging():
            LineStateInterval.objects.update(ended_at=at("10:30"))
        with transaction.atomic():
            refresh_kpis()
            assert in_thread(write_and_read) == hours(1)  # the old row until the refresh commits
        assert kpi.daily(DAY, DAY).get().running_s == hours(0.5)
        assert dirty() == {DAY}  # the other writer's day is not lost with the drained ones
        refresh_kpis()
        assert kpi.daily(DAY, DAY).get().idle_s == 3600

    def test_two_writers_of_one_day_do_not_wait_for_each_other(self, plant, as_admin):
        order = factories.work_order(plant, status="in_progress")
        job = factories.first_job(order)

        def report():
            with factories.arranging():
                return QuantityReport.objects.create(
                    job_order=job,
                    production_line=plant.line,
                    good=Decimal(1),
                    reported_at=timezone.now(),
                    reported_by=as_admin,
                    source="person",
                ).pk

        with transaction.atomic():
            report()
            assert in_thread(report)
