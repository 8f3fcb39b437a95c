"""The made-up past: without gaps, consistent, plausible, and the same for the same seed."""

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfg_project.demo.history import BAD_WEEK, Past, past_of
from mfg_project.demo.plant import LINES, LineSpec

TOKYO = ZoneInfo("Asia/Tokyo")
END = dt.datetime(2026, 6, 17, 4, 30, tzinfo=dt.UTC)
BEGIN = dt.datetime(2026, 3, 19, 6, tzinfo=TOKYO).astimezone(dt.UTC)


def make(line: LineSpec, *, seed: int = 20, begin: dt.datetime = BEGIN, end: dt.datetime = END) -> Past:
    return past_of(line, seed=seed, begin=begin, end=end, zone=TOKYO)


@pytest.fixture(scope="module", params=LINES, ids=lambda line: line.code)
def line(request) -> LineSpec:
    return request.param


@pytest.fixture(scope="module")
def past(line) -> Past:
    return make(line)


def seconds(past: Past, *states: str, since: dt.datetime = BEGIN, until: dt.datetime = END) -> float:
    return sum(
        (min(span.end, until) - max(span.start, since)).total_seconds()
        for span in past.spans
        if span.state in states and span.reason not in ("BREAK", "NO-ORDER") and span.start < until and span.end > since
    )


def counts(past: Past, *, since: dt.datetime = BEGIN, until: dt.datetime = END):
    for order in past.orders:
        for job in order.jobs:
            for count in job.counts:
                if since <= count.at < until:
                    yield job.operation, count


def rates(past: Past, *, since: dt.datetime = BEGIN, until: dt.datetime = END) -> tuple[float, float, float]:
    running = seconds(past, "running", since=since, until=until)
    made = list(counts(past, since=since, until=until))
    pieces = sum(c.good + c.scrap + c.rework for _o, c in made)
    standard = sum((c.good + c.scrap + c.rework) * o.run_s for o, c in made)
    planned = seconds(past, "running", "setup", "stopped", "idle", since=since, until=until)
    return running / planned, standard / running, sum(c.good for _o, c in made) / pieces


def assert_no_gaps(past: Past, begin: dt.datetime, end: dt.datetime) -> None:
    assert (past.spans[0].start, past.spans[-1].end) == (begin, end)
    assert all(before.end == after.start for before, after in pairwise(past.spans))
    assert all(span.start < span.end for span in past.spans)


def test_every_moment_is_in_exactly_one_span(past):
    assert_no_gaps(past, BEGIN, END)


@given(
    st.datetimes(dt.datetime(2026, 6, 10), dt.datetime(2026, 6, 20), timezones=st.just(dt.UTC)),  # noqa: DTZ001 the zone is `timezones`
    st.integers(0, 10_000),
)
@settings(max_examples=25, deadline=None)
def test_it_ends_at_any_moment_asked_for(end, seed):
    begin = end - dt.timedelta(days=4)

    for line in LINES:
        past = make(line, seed=seed, begin=begin, end=end)
        assert_no_gaps(past, begin, end)
        assert all(job.end <= end for order in past.orders for job in order.jobs)


def test_the_same_seed_gives_the_same_past_and_another_one_another(line, past):
    assert make(line) == past
    assert make(line, seed=21) != past


def test_the_figures_are_plausible_and_the_lines_differ():
    first, second = (rates(make(each)) for each in LINES)

    assert 0.80 < first[0] < 0.88
    assert 0.70 < second[0] < 0.80
    for _availability, effectiveness, quality in (first, second):
        assert 0.85 < effectiveness < 0.97
        assert 0.96 < quality < 0.995


def test_a_bad_week_shows():
    past = make(LINES[1])
    first, last = BAD_WEEK[2]
    week = rates(past, since=END - dt.timedelta(days=first), until=END - dt.timedelta(days=last))
    whole = rates(past)

    assert all(bad < usual for bad, usual in zip(week, whole, strict=True))
    assert whole[0] - week[0] > 0.1


def test_pieces_are_counted_while_the_line_ran_and_none_are_lost(past):
    ends = {span.end for span in past.spans if span.state == "running"}
    running = [(span.start, span.end) for span in past.spans if span.state == "running"]
    for order in past.orders:
        entering = order.quantity
        for job in order.jobs:
            made = sum(count.good + count.scrap + count.rework for count in job.counts)
            assert made == entering
            entering = sum(count.good for count in job.counts)
            assert all(job.start <= count.at <= job.end for count in job.counts)
            for count in job.counts:
                assert count.at in ends or any(start < count.at <= end for start, end in running)
                assert (count.reason is not None) == bool(count.scrap or count.rework)


def test_orders_follow_each_other(past):
    assert all(before.jobs[-1].end <= after.jobs[0].start for before, after in pairwise(past.orders))
    on_time = [order.jobs[-1].end <= order.scheduled_end for order in past.orders]
    assert 0.5 < sum(on_time) / len(on_time) < 0.97


def test_weekends_are_lighter_and_breaks_are_planned(past):
    day_off = [span for span in past.spans if span.reason == "NO-ORDER"]
    assert {span.start.astimezone(TOKYO).isoweekday() for span in day_off} == {6}
    assert {(span.end - span.start).total_seconds() for span in day_off} == {86400}
    assert any(span.reason == "BREAK" for span in past.spans)


def test_some_stops_of_the_last_day_wait_for_an_explanation(past):
    unexplained = [span for span in past.spans if span.state == "stopped" and span.reason is None]

    assert 1 <= len(unexplained) <= 3
    assert all(span.start > END - dt.timedelta(days=1) for span in unexplained)


def test_a_sensor_was_silent_once(past):
    assert len([span for span in past.spans if span.state == "no_data"]) == 1
