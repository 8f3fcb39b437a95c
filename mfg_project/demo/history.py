"""Ninety days of a line that never were, but could have been: pure, and the same for the same seed and moments.

A walk through time: setups, runs cut by stops, breaks and weekends, counts while it runs. Every second from
`begin` to `end` is in exactly one span, and pieces are counted only while the line ran.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil
from random import Random

from equipment.enums import LineState
from mfg_project.demo.plant import LineSpec, OperationSpec, ProductSpec

LONGEST_COUNT_S = 1800.0  # a count at least every half hour
SMALLEST_ORDER = 60
STOPS = (  # reason, share of the stops, mean seconds
    ("JAM", 34, 90),
    ("ADJ", 20, 240),
    ("TOOL", 16, 420),
    ("MAT", 12, 540),
    ("AWAY", 10, 240),
    ("FAULT", 8, 1500),
)
REWORK_RATE = 0.003
UNEXPLAINED_OVER_S = 120.0
BAD_WEEK = {2: (38, 32)}  # line number: from and to, in days before the end
SILENCES = {1: (23, dt.time(13, 20), 45), 2: (9, dt.time(3, 10), 25)}  # line number: days before, clock, minutes


@dataclass(frozen=True, slots=True)
class Span:
    state: str
    start: dt.datetime
    end: dt.datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    at: dt.datetime
    good: int
    scrap: int
    rework: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Job:
    operation: OperationSpec
    start: dt.datetime
    end: dt.datetime
    counts: list[Count]


@dataclass(frozen=True, slots=True)
class Order:
    product: ProductSpec
    quantity: int
    priority: int
    scheduled_start: dt.datetime
    scheduled_end: dt.datetime
    jobs: list[Job]


@dataclass(slots=True)
class Past:
    spans: list[Span] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)


def past_of(line: LineSpec, *, seed: int, begin: dt.datetime, end: dt.datetime, zone: dt.tzinfo) -> Past:
    return _Walk(line, Random(f"{seed}:{line.code}"), begin, end, zone).run()  # noqa: S311 not for secrets


class _Walk:
    def __init__(self, line: LineSpec, rng: Random, begin: dt.datetime, end: dt.datetime, zone: dt.tzinfo) -> None:
        self.line, self.rng, self.at, self.end = line, rng, begin, end
        self.past = Past()
        self.windows = sorted(_until(end, _windows(line, begin, end, zone)), key=lambda span: span.start)
        self.window_starts = [window.start for window in self.windows]

    def run(self) -> Past:
        while (left := (self.end - self.at).total_seconds()) > 0:
            self.spend(LineState.IDLE, self.rng.uniform(0, min(600, left)))
            product = self.rng.choices(self.line.products, [p.share for p in self.line.products])[0]
            fits = int(left * 0.6 / product.seconds_per_piece)
            quantity = min(self.rng.randrange(600, 1850, 50), fits)
            if quantity < SMALLEST_ORDER or not self.order(product, quantity):
                self.spend(LineState.SETUP, left)  # for the order that runs in the present
        self.past.spans = _until(self.end, self.past.spans)  # waiting may run over, orders never do
        _forget_some_reasons(self.past.spans)
        return self.past

    def order(self, product: ProductSpec, quantity: int) -> bool:
        """Walk through one order; back to where it began when it would not end in time."""
        begin, spans_before = self.at, len(self.past.spans)
        jobs, pieces = [], quantity
        for operation in product.operations:
            job = self.job(operation, pieces)
            pieces = sum(count.good for count in job.counts)
            jobs.append(job)
        if self.at > self.end:
            self.at = begin
            del self.past.spans[spans_before:]
            return quantity > 2 * SMALLEST_ORDER and self.order(product, quantity // 2)
        planned_start = begin - dt.timedelta(minutes=5 * self.rng.randrange(0, 9))
        standard_s = quantity * product.seconds_per_piece + sum(operation.setup_s for operation in product.operations)
        planned_end = planned_start + dt.timedelta(seconds=standard_s * self.rng.uniform(1.3, 1.75))
        self.past.orders.append(
            Order(product, quantity, self.rng.choice((3, 5, 5, 5, 8)), _round(planned_start), _round(planned_end), jobs)
        )
        return True

    def job(self, operation: OperationSpec, pieces: int) -> Job:
        begin, bad = self.at, self.is_bad()
        self.spend(LineState.SETUP, operation.setup_s * self.rng.uniform(0.8, 1.4))
        speed = min(0.99, max(0.75, self.rng.gauss(self.line.speed, 0.025))) - (0.06 if bad else 0)
        seconds = whole = pieces * operation.run_s / speed
        counts: list[Count] = []
        made, until_stop = 0, self.until_stop(bad)
        while seconds > 0.001:
            part = min(seconds, until_stop, LONGEST_COUNT_S)
            self.spend(LineState.RUNNING, part)
            seconds, until_stop = seconds - part, until_stop - part
            done = pieces if seconds <= 0.001 else int(pieces * (1 - seconds / whole))
            if done > made:
                counts.append(self.count(operation, done - made, bad))
                made = done
            if until_stop <= 0:
                self.stop(bad)
                until_stop = self.until_stop(bad)
        return Job(operation, begin, self.at, counts)

    def count(self, operation: OperationSpec, pieces: int, bad: bool) -> Count:
        scrap = self.few(pieces * self.line.scrap_rate * (3 if bad else 1), pieces)
        rework = self.few(pieces * REWORK_RATE, pieces - scrap)
        reason = self.rng.choice(operation.scrap_reasons) if scrap or rework else None
        return Count(self.at, pieces - scrap - rework, scrap, rework, reason)

    def few(self, mean: float, most: int) -> int:
        return max(0, min(most, round(self.rng.gauss(mean, mean**0.5))))

    def stop(self, bad: bool) -> None:
        shares = [share * (4 if bad and reason == "FAULT" else 1) for reason, share, _mean in STOPS]
        reason, _share, mean = self.rng.choices(STOPS, shares)[0]
        self.spend(LineState.STOPPED, max(20.0, self.rng.gammavariate(1.6, mean / 1.6)), reason)

    def until_stop(self, bad: bool) -> float:
        return self.rng.expovariate(1 / (self.line.seconds_between_stops * (0.45 if bad else 1)))

    def is_bad(self) -> bool:
        first, last = BAD_WEEK.get(self.line.number, (0, 0))
        return last < (self.end - self.at).days <= first

    def spend(self, state: str, seconds: float, reason: str | None = None) -> None:
        """Be in `state` for so long; what the calendar puts in between interrupts it and comes on top."""
        left = dt.timedelta(milliseconds=ceil(seconds * 1000))
        while left > dt.timedelta(0):
            self.sit_out_windows()
            nxt = bisect_right(self.window_starts, self.at)
            room = self.windows[nxt].start - self.at if nxt < len(self.windows) else left
            part = min(left, room)
            self.add(Span(state, self.at, self.at + part, reason))
            left -= part

    def sit_out_windows(self) -> None:
        while (n := bisect_right(self.window_starts, self.at)) and self.windows[n - 1].end > self.at:
            window = self.windows[n - 1]
            self.add(Span(window.state, self.at, window.end, window.reason))

    def add(self, span: Span) -> None:
        """Append, joined with the span before it when that is the same thing going on."""
        spans = self.past.spans
        if spans and (spans[-1].state, spans[-1].reason) == (span.state, span.reason) and spans[-1].end == span.start:
            span = Span(span.state, spans.pop().start, span.end, span.reason)
        spans.append(span)
        self.at = span.end


def _windows(line: LineSpec, begin: dt.datetime, end: dt.datetime, zone: dt.tzinfo) -> Iterator[Span]:
    """What the calendar says: a break in each shift, cleaning on Mondays, and a day off from Saturday night."""
    days_ago, silent_at, silent_for = SILENCES[line.number]
    silent_day = end.astimezone(zone).date() - dt.timedelta(days=days_ago)
    day = begin.astimezone(zone).date() - dt.timedelta(days=1)
    while dt.datetime.combine(day, dt.time(0), tzinfo=zone) < end:
        if day.isoweekday() == 6:
            yield _window(LineState.IDLE, "NO-ORDER", day, dt.time(22), 24 * 60, zone)
        if day.isoweekday() == 1:
            yield _window(LineState.MAINTENANCE, "CLEAN", day, dt.time(6), 60, zone)
        if day.isoweekday() != 7:
            for hour in (2, 10, 18):
                yield _window(LineState.STOPPED, "BREAK", day, dt.time(hour), 30, zone)
        if day == silent_day:
            yield _window(LineState.NO_DATA, None, day, silent_at, silent_for, zone)
        day += dt.timedelta(days=1)


def _window(state: str, reason: str | None, day: dt.date, clock: dt.time, minutes: int, zone: dt.tzinfo) -> Span:
    start = dt.datetime.combine(day, clock, tzinfo=zone).astimezone(dt.UTC)
    return Span(state, start, start + dt.timedelta(minutes=minutes), reason)


def _until(end: dt.datetime, spans: Iterable[Span]) -> list[Span]:
    return [Span(span.state, span.start, min(span.end, end), span.reason) for span in spans if span.start < end]


def _forget_some_reasons(spans: list[Span]) -> None:
    """Three stops of the last day are left for somebody to explain."""
    last_day = spans[-1].end - dt.timedelta(days=1)
    stops = [
        n
        for n, span in enumerate(spans)
        if span.start > last_day
        and span.state == LineState.STOPPED
        and span.reason != "BREAK"
        and (span.end - span.start).total_seconds() > UNEXPLAINED_OVER_S
    ]
    for n in {*stops[-1:], *stops[-3:-2], *stops[:1]}:
        spans[n] = Span(spans[n].state, spans[n].start, spans[n].end)


def _round(moment: dt.datetime) -> dt.datetime:
    """To five minutes, as a planner writes it."""
    return moment - dt.timedelta(minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond)
