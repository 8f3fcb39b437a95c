"""Loads the demo plant: equipment, people, ninety days of history, and a present to step into."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from accounts.services.users import installing, note_alive
from audit.context import act_as
from audit.policy_edits import create_policy
from audit.signatures import Meaning
from equipment.enums import LineState, StateSource
from equipment.models import LineStateInterval
from equipment.queries.site import plant_time_zone, production_day, production_day_bounds
from equipment.services.line_states import record_past_states, set_line_state
from mfg_project.demo import history, sensors
from mfg_project.demo.measured import value_of
from mfg_project.demo.orders import (
    create_order,
    create_planned,
    draw_order,
    number_prefix,
    release_for_the_demo,
    sign_for_the_demo,
)
from mfg_project.demo.people import make_people, require_demo, simulator_user
from mfg_project.demo.plant import (
    LINES,
    LineSpec,
    Plant,
    find_plant,
    make_characteristics,
    make_equipment,
    make_products,
    make_reasons,
    make_shifts,
)
from production.models import WorkOrder
from production.services.backfill import PastJob, PastOrder, PastReport, record_past_orders
from production.services.calendar import plan_shifts
from production.services.job_orders import start_job
from production.services.kpi import refresh_kpis
from production.services.work_orders import cancel_work_order, hold_work_order
from quality.services.checks import MeasuredValue, record_check

DAYS_BACK, DAYS_AHEAD = 90, 14
RELEASED_AHEAD = 8  # for each line
PIECES_CHECKED = {"SHF-08": 2, "RLY-12V": 1}  # of each order
SOURCE = "command:load_demo"
CLOSER_TOLERANCE = "Customer asked for a closer tolerance on D1."
TO_RESUME = [
    {"meanings": [Meaning.VERIFIED.value], "roles": ["qa_manager"]},
    {"meanings": [Meaning.AUTHORISED.value], "roles": ["supervisor"]},
]


@dataclass(frozen=True, slots=True)
class Loaded:
    orders: int
    states: int
    checks: int


@dataclass(slots=True)
class _Loader:
    seed: int
    now: dt.datetime
    people: dict[str, User]
    simulator: User
    plant: Plant = field(init=False)

    @property
    def zone(self) -> dt.tzinfo:
        return plant_time_zone()

    def load(self) -> Loaded:
        self.plant = self.make_plant()
        pasts = {spec.code: self.past_of(spec) for spec in LINES}
        orders = [row for spec in LINES for row in self.record(spec, pasts[spec.code])]
        checks = self.measure(orders)
        for spec in LINES:
            self.make_present(spec)
            sensors.make_past(self.plant.lines[spec.code], now=self.now, seed=self.seed)
        return Loaded(len(orders), sum(len(past.spans) for past in pasts.values()), checks)

    def make_plant(self) -> Plant:
        with act_as(self.people["planner"], source=SOURCE):
            lines, reasons, products = make_equipment(), make_reasons(), make_products()
            make_shifts()
            sensors.make_series()
            today = production_day(at=self.now)
            plan_shifts(
                first=today - dt.timedelta(days=DAYS_BACK),
                last=today + dt.timedelta(days=DAYS_AHEAD),
            )
        with act_as(self.people["qa_manager"], source=SOURCE):
            return Plant(lines, products, reasons, make_characteristics(products))

    # --- The past -----------------------------------------------------------------------------------

    def past_of(self, spec: LineSpec) -> history.Past:
        first_day = production_day(at=self.now) - dt.timedelta(days=DAYS_BACK)
        begin = production_day_bounds(day=first_day)[0].astimezone(dt.UTC)
        return history.past_of(spec, seed=self.seed, begin=begin, end=self.now, zone=self.zone)

    def record(self, spec: LineSpec, past: history.Past) -> list[tuple[WorkOrder, history.Order]]:
        line = self.plant.lines[spec.code]
        with act_as(self.simulator, source=SOURCE):
            rows = record_past_orders(list(self.past_orders(spec, past)))
            record_past_states(
                line_id=line.pk, intervals=[self.interval(span) for span in past.spans], source=StateSource.MACHINE
            )
        return list(zip(rows, past.orders, strict=True))

    def past_orders(self, spec: LineSpec, past: history.Past) -> Iterator[PastOrder]:
        numbers: Counter[str] = Counter()
        line = self.plant.lines[spec.code]
        for order in past.orders:
            prefix = number_prefix(spec, order.scheduled_start.astimezone(self.zone).date())
            numbers[prefix] += 1
            yield PastOrder(
                work_order_number=f"{prefix}{numbers[prefix]:02d}",
                product_id=self.plant.products[order.product.code].pk,
                production_line_id=line.pk,
                planned_quantity=Decimal(order.quantity),
                scheduled_start=order.scheduled_start,
                scheduled_end=order.scheduled_end,
                jobs=[self.past_job(job, line.pk) for job in order.jobs],
                values={"priority": order.priority},
            )

    def past_job(self, job: history.Job, line_id: UUID) -> PastJob:
        return PastJob(
            sequence=job.operation.sequence,
            operation_name=job.operation.name,
            run_time_seconds=Decimal(str(job.operation.run_s)),
            setup_time_seconds=Decimal(job.operation.setup_s),
            line_id=line_id,
            started_at=job.start,
            ended_at=job.end,
            reports=[
                PastReport(
                    at=count.at,
                    good=Decimal(count.good),
                    scrap=Decimal(count.scrap),
                    rework=Decimal(count.rework),
                    reason_id=self.plant.reasons[count.reason].pk if count.reason else None,
                )
                for count in job.counts
            ],
        )

    def interval(self, span: history.Span) -> LineStateInterval:
        interval = LineStateInterval(state=span.state, started_at=span.start, ended_at=span.end)
        if span.reason:
            interval.reason = self.plant.reasons[span.reason]
            interval.explained_by, interval.explained_at = self.people["operator"], span.end
        return interval

    def measure(self, orders: list[tuple[WorkOrder, history.Order]]) -> int:
        """Checks in the order of their times, over all lines: charts follow the order of entry."""
        rng = Random(f"{self.seed}:measured")  # noqa: S311 not for secrets
        due = []
        for row, order in orders:
            last, product = order.jobs[-1], order.product.code
            wanted = [c for (of, _code), c in self.plant.characteristics.items() if of == product]
            parts = PIECES_CHECKED.get(product, 0) + 1
            for n in range(1, parts):
                at = last.start + (last.end - last.start) * n / parts
                due.append((at, row, wanted, str(order.quantity * n // parts)))
        with act_as(self.people["inspector"], source=SOURCE):
            for at, row, wanted, piece in sorted(due, key=lambda check: check[0]):
                record_check(
                    work_order_id=row.pk,
                    test_type="dimensional" if row.product_id == self.plant.products["SHF-08"].pk else "electrical",
                    piece=piece,
                    performed_at=at,
                    values=[
                        MeasuredValue(characteristic_id=c.pk, value=value_of(c.code, rng=rng, before_now=self.now - at))
                        for c in wanted
                    ],
                )
        return len(due)

    # --- The present --------------------------------------------------------------------------------

    def make_present(self, spec: LineSpec) -> None:
        rng = Random(f"{self.seed}:{spec.code}:present")  # noqa: S311 not for secrets
        start = self.now.replace(second=0, microsecond=0)
        with act_as(self.people["planner"], source=SOURCE):
            released = []
            for _ in range(RELEASED_AHEAD + 1):
                new = draw_order(spec, rng=rng, start=start)
                released.append(create_planned(self.plant, spec, new))
                start = new.end
            if spec.number == 1:
                self.wait_for_signature(spec, rng, start)
                self.make_cancelled(spec, rng, start)
            else:
                self.make_late(spec, rng)
                released.append(self.make_held(spec, rng, start))
            for _ in range(2):
                create_order(self.plant, spec, draw_order(spec, rng=rng, start=start + dt.timedelta(hours=20)))
        release_for_the_demo(released, source=SOURCE)
        if spec.number == 2:
            with act_as(self.people["supervisor"], source=SOURCE):
                held = hold_work_order(work_order_id=released[-1].pk, reason=CLOSER_TOLERANCE)
            self.sign_in_part(held)
        self.start(spec, released[0])

    def sign_in_part(self, held: WorkOrder) -> None:
        """To go on after a hold takes two people: quality has signed, the supervisor has not yet."""
        quality = self.people["qa_manager"]
        with act_as(quality, source=SOURCE):
            create_policy(record_label=held._meta.label_lower, transition="resume", signatures=TO_RESUME)
        sign_for_the_demo(held, quality, step="resume", meaning=Meaning.VERIFIED, comment="Gauge and drawing agree.")

    def wait_for_signature(self, spec: LineSpec, rng: Random, start: dt.datetime) -> None:
        new = draw_order(spec, rng=rng, start=start)
        create_planned(
            self.plant,
            spec,
            new,
            priority=2,
            special_instructions="Goes out with the morning truck.",
        )

    def make_cancelled(self, spec: LineSpec, rng: Random, start: dt.datetime) -> None:
        order = create_planned(self.plant, spec, draw_order(spec, rng=rng, start=start + dt.timedelta(hours=4)))
        cancel_work_order(work_order_id=order.pk, reason="Customer moved the delivery to next month.")

    def make_late(self, spec: LineSpec, rng: Random) -> None:
        new = draw_order(spec, rng=rng, start=self.now.replace(second=0, microsecond=0) - dt.timedelta(hours=20))
        create_planned(
            self.plant,
            spec,
            new,
            priority=3,
            special_instructions="Waited for bar stock, delivered this morning.",
        )

    def make_held(self, spec: LineSpec, rng: Random, start: dt.datetime) -> WorkOrder:
        return create_planned(self.plant, spec, draw_order(spec, rng=rng, start=start))

    def start(self, spec: LineSpec, order: WorkOrder) -> None:
        """The first job begins now; the line is in setup between the end of the history and this moment."""
        with act_as(self.simulator, source=SOURCE):
            set_line_state(
                line_id=self.plant.lines[spec.code].pk,
                state=LineState.SETUP,
                at=self.now,
                source=StateSource.MACHINE,
            )
            start_job(job_order_id=order.job_orders.order_by("sequence")[0].pk, source=StateSource.MACHINE)


def load_demo(*, seed: int) -> Loaded | None:
    """Load the plant whole or not at all; None when it is there already. Only in demo and test mode."""
    require_demo()
    with installing("load_demo"):
        if find_plant():
            return None
        people, simulator = make_people(), simulator_user()
        loaded = _Loader(
            seed=seed, now=timezone.now().replace(microsecond=0), people=people, simulator=simulator
        ).load()
        note_alive(simulator)
    refresh_kpis()
    return loaded
