"""The report of a shift against facts counted by hand; the page and the paper say the same."""

import datetime as dt
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from zxingcpp import read_barcodes

from audit.context import act_as
from audit.models import SecurityEvent
from audit.queries.seal_state import seal_state
from equipment.services.line_assignments import assign_line
from equipment.services.line_states import explain_interval, set_line_state
from mfg_project.reports.qr import qr_inline
from mfg_project.shifts.facts import facts_of
from mfg_project.shifts.paper import checkpoint, possible, report_of
from production.kpi_formulas import KeyFigures
from production.models import ScheduledShift
from production.queries.shifts import clock_hours, planned_shift
from production.services.job_orders import hold_job, report_quantity
from production.services.work_orders import hold_work_order, update_work_order
from quality.services.checks import MeasuredValue, record_check
from tests import factories
from tests.audit.sealed import seal_everything
from tests.production.kpi_facts import DAY, TOKYO, at, counted, hours, planned, states
from tests.reports.pdfa import faults, reader, text_of
from tests.shifts.codes import code_in

pytestmark = pytest.mark.django_db
READERS = ("supervisor", "qa_manager", "inspector", "planner", "maintenance", "auditor")


@pytest.fixture
def early(plant):
    """08:00 to 16:00. 1 h setup, 4 h running, 2 h stopped (one explained), 0.5 h idle, 0.5 h unknown; 400 pieces."""
    shift = planned(plant.line, "08:00", "16:00")
    states(plant.line, ("13:00", "14:00", "stopped"), reason=plant.stop_reason)
    states(
        plant.line,
        ("07:30", "09:00", "setup"),
        ("09:00", "13:00", "running"),
        ("14:00", "15:00", "stopped"),
        ("15:00", "15:30", "idle"),
    )
    counted(plant, (at("07:45"), 50), (at("09:15"), 80, 5), (at("12:00"), 300, 10, 5), (at("16:00"), 7), run_time="30")
    return shift


def facts(shift, now=None):
    with timezone.override(TOKYO):
        return facts_of(planned_shift(shift.pk), now=now or timezone.now())


def said(shift, now=None) -> str:
    """The report of a line as one text."""
    with timezone.override(TOKYO):
        return "\n".join(map(str, report_of(facts_of(planned_shift(shift.pk), now=now or timezone.now())).blocks()))


def page(client, shift) -> str:
    return client.get(f"/shifts/{shift.pk}/").content.decode()


def pdf(client, shift) -> bytes:
    return client.get(f"/shifts/{shift.pk}.pdf").content


def test_the_figures_are_those_of_the_shift_and_of_nothing_beside_it(early):
    figures = facts(early).figures

    assert (figures.good, figures.scrap, figures.rework) == (380, 15, 5)
    assert (figures.setup_s, figures.running_s, figures.stopped_s) == (hours(1), hours(4), hours(2))
    assert (figures.idle_s, figures.no_data_s) == (hours(0.5), hours(0.5))
    assert figures.availability == pytest.approx(100 * 4 / 7.5)
    assert figures.effectiveness == pytest.approx(100 * 400 * 30 / hours(4))
    assert figures.quality_rate == 95
    assert figures.oee == pytest.approx(100 * 380 * 30 / hours(7.5))


def test_hours_add_up_to_the_shift(early):
    found = facts(early)

    assert [hour.begin for hour in found.hours] == [at(f"{hour:02d}:00") for hour in range(8, 16)]
    assert [hour.figures.good for hour in found.hours] == [0, 80, 0, 0, 300, 0, 0, 0]
    assert [hour.figures.stopped_s for hour in found.hours] == [0, 0, 0, 0, 0, 3600, 3600, 0]
    assert sum(hour.figures.running_s for hour in found.hours) == found.figures.running_s


def test_what_was_possible_is_what_oee_divides_by():
    hour = KeyFigures(planned_busy_s=3600, running_s=1800, standard_s=1500, good=40, scrap=5, rework=5)
    quiet = KeyFigures(planned_busy_s=1800)

    assert possible(hour, hour) == pytest.approx(120)
    assert 100 * 40 / possible(hour, hour) == pytest.approx(hour.oee)
    assert possible(quiet, hour) == 60  # nothing counted: by the mix of the shift
    assert possible(KeyFigures(), hour) is None
    assert possible(quiet, quiet) is None


def test_stops_are_cut_to_the_shift_and_add_up_to_the_stopped_time(plant, line_shift):
    states(plant.line, ("07:00", "08:20", "stopped"), ("15:30", "17:00", "stopped"))
    states(plant.line, ("10:00", "10:30", "stopped"), reason=factories.reason("stop", is_planned=True))

    found = facts(line_shift)

    assert [(stop.seconds, stop.is_planned) for stop in found.stops] == [(1200, False), (1800, True), (1800, False)]
    assert sum(stop.seconds for stop in found.stops if not stop.is_planned) == found.figures.stopped_s
    assert [stop.begin for stop in found.unexplained] == [at("08:00"), at("15:30")]


@pytest.fixture
def line_shift(plant):
    return planned(plant.line, "08:00", "16:00")


def test_orders_show_what_was_made_in_this_shift(plant, early):
    late = planned(plant.line, "16:00", "24:00")
    counted(plant, (at("02:00"), 5))
    counted(plant, (at("10:00"), 20), line=factories.line())

    (first,) = facts(early).worked
    assert (first.good, first.scrap, first.rework, first.job.good) == (380, 15, 5, 437)
    assert first.status == "running"  # at 16:00 it was not ended
    (then,) = facts(late).worked
    assert (then.good, then.scrap, then.status) == (7, 0, "completed")


def test_an_overnight_shift_is_of_the_day_it_began(plant, client, user_of):
    night = planned(plant.line, "22:00", "30:00")
    states(plant.line, ("22:00", "30:00", "running"))
    counted(plant, (at("23:30"), 40), (at("29:30"), 60))
    client.force_login(user_of("supervisor"))

    listed = client.get(f"/shifts/?day={DAY}").content.decode()
    assert f"/shifts/{night.pk}/" in listed
    assert f"/shifts/{night.pk}/" not in client.get(f"/shifts/?day={DAY + dt.timedelta(days=1)}").content.decode()
    assert facts(night).figures.good == 100
    text = page(client, night)
    assert f"{DAY} 22:00 +09:00" in text
    assert f"{DAY + dt.timedelta(days=1)} 06:00 +09:00" in text
    assert f"{DAY} 13:00 UTC" in text
    assert len(facts(night).hours) == 8


@pytest.mark.parametrize(
    ("begin", "end", "count"),
    [
        ("2026-03-28 22:00", "2026-03-29 06:00", 7),
        ("2026-10-24 22:00", "2026-10-25 06:00", 9),
        ("2026-06-01 06:30", "2026-06-01 08:00", 2),
    ],
)
def test_clock_hours_are_true_hours_through_summer_time(begin, end, count):
    berlin = ZoneInfo("Europe/Berlin")
    first, last = (dt.datetime.fromisoformat(text).replace(tzinfo=berlin).astimezone(dt.UTC) for text in (begin, end))
    with timezone.override(berlin):
        spans = clock_hours(first, last)

    assert len(spans) == count
    assert (spans[0][0], spans[-1][1]) == (first, last)
    assert all(one[1] == other[0] for one, other in pairwise(spans))
    assert {span[1].minute for span in spans} == {0}


@pytest.fixture
def running(plant, now):
    """A shift that began two hours ago: an order released, counted on, held; a stop explained; a check that failed."""
    begin = (now - dt.timedelta(hours=2)).replace(microsecond=0)
    shift = planned(plant.line, "08:00", "16:00")
    with factories.arranging():
        ScheduledShift.objects.filter(pk=shift.pk).update(
            starts_at=begin, ends_at=begin + dt.timedelta(hours=8), production_date=now.astimezone(TOKYO).date()
        )
    set_line_state(line_id=plant.line.pk, state="running", at=now - dt.timedelta(minutes=90))
    set_line_state(line_id=plant.line.pk, state="stopped", at=now - dt.timedelta(minutes=30))
    order = factories.work_order(plant, status="in_progress")
    job = factories.first_job(order)
    with act_as(factories.user("operator"), source="test"):
        report_quantity(job_order_id=job.pk, good=Decimal(3), scrap=Decimal(1), reason_id=plant.scrap_reason.pk)
        stop = plant.line.state_intervals.filter(state="stopped").first()
        explain_interval(interval_id=stop.pk, reason_id=plant.stop_reason.pk)
    with act_as(factories.user("inspector"), source="test"):
        value = MeasuredValue(characteristic_id=factories.characteristic(plant.product).pk, value=Decimal("11.5"))
        record_check(work_order_id=order.pk, job_order_id=job.pk, piece="P7", test_type="bore", values=[value])
    with act_as(factories.user("qa_manager"), source="test"):
        hold_work_order(work_order_id=order.pk, reason="Bore out of limits")
    return planned_shift(shift.pk)


def test_a_running_shift_says_as_of_when(running, plant):
    text = said(running)

    assert "The shift is still running." in text
    assert "As of " in text
    assert "so far" in text
    assert facts(running).figures.planned_busy_s < hours(2.1)


def test_quality_and_people_and_signatures_of_a_shift(running, plant):
    found = facts(running)

    assert (found.checks.made, found.checks.rate.passed, found.checks.rate.failed) == (1, 0, 1)
    (hold,) = found.holds
    assert (hold.step.reason, hold.job, hold.step.actor_name) == ("Bore out of limits", None, "Test qa_manager")
    (signed,) = found.signatures
    assert (signed.view.signature.signer_name, signed.view.content_matches) == ("Test releaser", True)
    people = {person.name: person for person in found.people}
    operator = people["Test operator"]
    assert (operator.counts, operator.stops, operator.checks, operator.signatures) == (1, 1, 0, 0)
    assert people["Test inspector"].checks == 1
    assert people["Test releaser"].signatures == 1
    assert [(each.good, each.scrap) for each in found.worked] == [(3, 1)]
    assert [(each.reason, each.scrap) for each in found.scrap] == [(plant.scrap_reason, 1)]
    text = said(running)
    assert "11.5" in text
    assert "Released for production" in text


def test_a_signature_whose_order_changed_since_says_so(running):
    found = facts(running)
    update_work_order(work_order_id=found.signatures[0].order.pk, special_instructions="Later", reason="Customer asked")

    assert [each.view.content_matches for each in facts(running).signatures] == [False]
    assert "The content differs from what was signed." in said(running)


def test_a_check_of_another_line_is_not_in_the_report(running, plant):
    other = planned(factories.line(), "08:00", "16:00")
    with factories.arranging():
        ScheduledShift.objects.filter(pk=other.pk).update(starts_at=running.starts_at, ends_at=running.ends_at)

    found = facts(other)

    assert (found.checks.made, found.holds, found.signatures, found.people, found.worked) == (0, [], [], [], [])


def test_an_empty_shift_says_so_in_each_section(plant, line_shift):
    text = said(line_shift)

    for sentence in (
        "No order ran on this line",
        "No stop in this shift",
        "No scrap and no rework",
        "No check was made",
        "Nothing was put on hold",
        "Nobody entered anything",
        "Nobody signed",
    ):
        assert sentence in text
    assert facts(line_shift).figures.oee is None


def test_a_shift_to_come_and_one_that_was_cancelled(plant, client, user_of):
    to_come = planned(plant.line, "08:00", "16:00", day=timezone.now().date() + dt.timedelta(days=2))
    cancelled = planned(plant.line, "08:00", "16:00", cancelled=True)
    client.force_login(user_of("supervisor"))

    assert "This shift has not begun." in page(client, to_come)
    assert "Print (PDF)" not in page(client, to_come)
    set_line_state(line_id=plant.line.pk, state="stopped")
    assert facts(to_come).stops == []
    assert client.get(f"/shifts/{10**30}/").status_code == 404
    assert "This shift was cancelled in the calendar." in page(client, cancelled)


def test_an_order_on_hold_all_the_time_was_not_run(plant, now, line_shift):
    with factories.arranging():
        ScheduledShift.objects.filter(pk=line_shift.pk).update(
            starts_at=now + dt.timedelta(hours=1), ends_at=now + dt.timedelta(hours=2)
        )
    job = factories.first_job(factories.work_order(plant, status="in_progress"))
    later = planned_shift(line_shift.pk)
    assert [each.job for each in facts(later, now=now + dt.timedelta(hours=3)).worked] == [job]

    hold_job(job_order_id=job.pk, reason_id=plant.hold_reason.pk)

    assert facts(later, now=now + dt.timedelta(hours=3)).worked == []


def test_page_and_paper_say_the_same(client, user_of, early):
    client.force_login(user_of("supervisor"))
    text, paper = page(client, early), text_of(pdf(client, early))

    for fact in (
        "53.3 %",
        "83.3 %",
        "95.0 %",
        "42.2 %",
        "7 h 30",
        "WO-KPI-",
        "380 good, 15 scrap, 5 rework",
        "Not explained",
    ):
        assert fact in text, fact
        assert fact in paper, fact
    assert "Printed by Test supervisor on" in paper
    assert f"{DAY} 08:00 +09:00" in paper
    assert faults(pdf(client, early)) == []


def test_the_paper_shows_signatures_with_name_time_and_meaning(client, user_of, running):
    client.force_login(user_of("qa_manager"))
    signature = facts(running).signatures[0].view
    paper = text_of(pdf(client, running))

    for part in (
        "Test releaser",
        "Supervisor",
        "Released for production",
        signature.when,
        "The shift is still running.",
    ):
        assert "".join(part.split()) in "".join(paper.split()), part


def test_in_japanese_it_is_paper_of_the_same_facts(client, user_of, early):
    client.force_login(user_of("supervisor"))
    paper = client.get(f"/shifts/{early.pk}.pdf", headers={"accept-language": "ja"}).content

    text = text_of(paper)
    assert faults(paper) == []
    assert "電子署名" in text
    assert "42.2%" in text.replace(" ", "")


def test_printing_is_recorded(client, user_of, early):
    client.force_login(user_of("supervisor"))
    page(client, early)
    assert not SecurityEvent.objects.filter(kind="exported").exists()

    pdf(client, early)

    event = SecurityEvent.objects.get(kind="exported")
    assert event.user == user_of("supervisor")
    assert early.line.line_code in event.detail
    assert str(DAY) in event.detail


def test_all_lines_begin_on_a_sheet_of_their_own(client, user_of, early):
    other = factories.line("SECOND")
    with factories.arranging():
        ScheduledShift.objects.create(
            line=other,
            shift=early.shift,
            production_date=DAY,
            starts_at=early.starts_at,
            ends_at=early.ends_at,
        )
    client.force_login(user_of("supervisor"))

    answer = client.get(f"/shifts.pdf?day={DAY}&shift={early.shift_id}")

    pages = [sheet.extract_text() for sheet in reader(answer.content).pages]
    assert early.line.line_name in pages[0]
    assert other.line_name in pages[0]
    firsts = [text for text in pages[1:] if "Production day" in text]
    assert [early.line.line_name in firsts[0], other.line_name in firsts[1]] == [True, True]

    assign_line(user_id=user_of("supervisor").pk, line_id=other.pk)
    own = text_of(client.get(f"/shifts.pdf?day={DAY}&shift={early.shift_id}").content)
    assert other.line_name in own
    assert early.line.line_name not in own


def test_another_lines_shift_does_not_exist(client, user_of, early):
    user = user_of("supervisor")
    assign_line(user_id=user.pk, line_id=factories.line("MINE").pk)
    client.force_login(user)

    for address in (
        f"/shifts/{early.pk}/",
        f"/shifts/{early.pk}.pdf",
        f"/shifts.pdf?day={DAY}&shift={early.shift_id}",
        f"/lines/{early.line_id}/shift/",
    ):
        assert client.get(address).status_code == 404, address
    assert early.line.line_name not in client.get(f"/shifts/?day={DAY}").content.decode()


@pytest.mark.parametrize("role", READERS)
def test_who_reads_key_figures_reads_the_report(role, client, user_of, early):
    client.force_login(user_of(role))

    assert client.get(f"/shifts/{early.pk}/").status_code == 200


def test_operators_do_not(client, user_of, early):
    client.force_login(user_of("operator"))

    for address in ("/shifts/", f"/shifts/{early.pk}/", f"/shifts/{early.pk}.pdf", f"/lines/{early.line_id}/shift/"):
        assert client.get(address).status_code == 403, address


def test_the_page_of_a_line_leads_to_the_shift_that_runs(client, user_of, running, early):
    client.force_login(user_of("supervisor"))

    line = client.get(f"/lines/{running.line_id}/").content.decode()
    assert f"/lines/{running.line_id}/shift/" in line
    assert client.get(f"/lines/{running.line_id}/shift/").url == f"/shifts/{running.pk}/"
    assert client.get(f"/lines/{factories.line().pk}/shift/").url == "/shifts/"
    for address in ("/kpi/", "/board/"):
        assert 'href="/shifts/"' in client.get(address).content.decode()


@pytest.mark.parametrize(
    "asked", ["day=2026-13-40", "day=", "day=0001-01-01&shift=1", "day=9999-12-31", "shift=x", f"day={DAY}&shift=1"]
)
def test_what_makes_no_sense_is_a_shift_there_is_not(asked, client, user_of):
    client.force_login(user_of("supervisor"))

    assert client.get(f"/shifts.pdf?{asked}").status_code == 404
    assert client.get(f"/shifts/?{asked}").status_code == 200


def test_queries_do_not_grow_with_the_shift(plant, early, django_assert_max_num_queries):
    def asked() -> int:
        with django_assert_max_num_queries(15) as queries:
            facts(early)
        return len(queries)

    counted(plant, (at("09:00"), 5, 1))  # with somebody to name
    before = asked()
    for hour in range(9, 13):
        counted(plant, (at(f"{hour}:05"), 5, 1))

    assert asked() == before


def test_without_a_checkpoint_the_report_says_so():
    (block,) = checkpoint(None).blocks
    assert "Nothing is sealed yet" in block.text


@pytest.mark.django_db(transaction=True)
def test_the_printed_code_is_the_newest_checkpoint(client, user_of, as_admin):
    shift = planned(factories.plant().line, "08:00", "16:00")
    client.force_login(user_of("supervisor"))
    assert "Nothing is sealed yet" in page(client, shift)
    seal_everything()
    note = seal_state().note

    assert qr_inline(note) in page(client, shift)
    paper = pdf(client, shift)
    assert "".join(note.split()) in text_of(paper).replace(" ", "")
    (found,) = read_barcodes(code_in(paper))
    assert found.text == note
