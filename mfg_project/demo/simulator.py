"""The machines of the demo plant. They work through the released orders, by the services everything else uses.

`Simulator.step(now)` does what is due and never sleeps: with the same seed and the same moments it decides the
same. It looks at the database before every act, because people work on the same lines: a job somebody else
started is left to them, a stop somebody else entered is respected, and a refusal only means to look again.
"""

import datetime as dt
from decimal import Decimal
from random import Random
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef

from accounts.models import User
from accounts.services.users import note_alive
from audit.context import act_as
from audit.errors import DomainError
from equipment.enums import LineState, StateSource
from equipment.models import LineStateInterval, ProductionLine
from equipment.services.line_states import set_line_state
from mfg_project.demo import problems
from mfg_project.demo.machine import Machine
from mfg_project.demo.orders import make_released
from mfg_project.demo.people import simulator_user
from mfg_project.demo.plant import LINES, LineSpec, Plant, find_plant
from mfg_project.demo.sensors import EVERY, Sensors, send
from production.enums import JobOrderStatus, WorkOrderStatus
from production.models import JobOrder, WorkOrder
from production.services.job_orders import complete_job, report_quantity, start_job

log = structlog.get_logger(__name__)

SOURCE = "simulator"
LOOK_AGAIN = dt.timedelta(seconds=2)
AFTER_A_REFUSAL = dt.timedelta(seconds=5)
AFTER_A_PERSON = dt.timedelta(seconds=60)  # held or completed the job: the line is theirs for a moment
PERSONS_STOP_LASTS = dt.timedelta(minutes=30)  # then the plant is a demo again
AFTER_NO_REFILL = dt.timedelta(minutes=5)
SILENCE = dt.timedelta(seconds=60)  # a shorter pause is a restart, not a gap in the data
HEARTBEAT = dt.timedelta(seconds=10)
RELEASED_LOW, RELEASED_FULL = 4, 8
UNFINISHED = (JobOrderStatus.WAITING, JobOrderStatus.RUNNING, JobOrderStatus.HELD)
STANDING = (LineState.STOPPED, LineState.MAINTENANCE)


class NoPlant(RuntimeError):
    """The demo plant is not loaded."""


class Simulator:
    def __init__(self, *, seed: int) -> None:
        plant = find_plant()
        if plant is None:
            raise NoPlant("The demo plant is not loaded: run load_demo first.")
        self.user = simulator_user()
        self.lines = [LineDriver(spec, plant, self.user, seed=seed) for spec in LINES]
        self.beat_due: dt.datetime | None = None

    def begin(self, now: dt.datetime) -> None:
        """After a pause: what happened since the last sign of life is not known, and is recorded as such."""
        with act_as(self.user, source=SOURCE):
            for line in self.lines:
                line.close_gap(now, last_alive=self.user.last_login)
        self.beat(now)

    def step(self, now: dt.datetime) -> None:
        with act_as(self.user, source=SOURCE):
            for line in self.lines:
                line.step(now)
        if self.beat_due is None or now >= self.beat_due:
            self.beat(now)

    def beat(self, now: dt.datetime) -> None:
        note_alive(self.user)
        self.user.refresh_from_db(fields=["last_login"])
        self.beat_due = now + HEARTBEAT


class LineDriver:
    """One line: what it is about to do, and when."""

    def __init__(self, spec: LineSpec, plant: Plant, user: User, *, seed: int) -> None:
        self.spec, self.plant, self.user = spec, plant, user
        self.line: ProductionLine = plant.lines[spec.code]
        self.orders = Random(f"{seed}:{spec.code}:orders")  # noqa: S311 not for secrets
        self.machine = Machine(spec, seed=seed)
        self.due: dt.datetime | None = None
        self.stop: tuple[int, dt.datetime] | None = None  # the interval that is our own stop, and its end
        self.setup: tuple[UUID, dt.datetime] | None = None  # the job we set up for, and when that is done
        self.job_id: UUID | None = None  # the job we run
        self.refill_due: dt.datetime | None = None  # not before, after it failed
        self.sensors, self.sensors_due = Sensors(self.line, seed=seed), dt.datetime.min.replace(tzinfo=dt.UTC)

    def close_gap(self, now: dt.datetime, *, last_alive: dt.datetime | None) -> None:
        current = self.current()
        if current is None or current.state == LineState.NO_DATA:
            return
        known_until = max(filter(None, [last_alive, current.started_at]))
        if now - known_until > SILENCE:
            self.set_state(LineState.NO_DATA, at=known_until)
            log.info("gap_recorded", line=self.spec.code, since=known_until.isoformat())

    def step(self, now: dt.datetime) -> None:
        if now >= self.sensors_due:
            current = self.current()
            send(self.sensors.read(now, current.state if current else LineState.NO_DATA))
            self.sensors_due = now + EVERY
        if self.due is not None and now < self.due:
            return
        try:
            wait = self.act(now)
        except DomainError as refused:  # somebody was faster: the state of things is another one now
            log.info("refused", line=self.spec.code, why=str(refused))
            self.setup, wait = None, AFTER_A_REFUSAL
        self.due = now + wait

    def act(self, now: dt.datetime) -> dt.timedelta:
        current, job = self.current(), self.running_job()
        if current is not None and current.state in STANDING:
            return self.stand(now, current, job)
        if job is None:
            return self.prepare(now, current)
        if job.updated_by_id != self.user.pk:  # a person started it, and counts what it makes
            self.job_id = None
            return LOOK_AGAIN
        return self.work(now, current, job)

    # --- Standing -----------------------------------------------------------------------------------

    def stand(self, now: dt.datetime, current: LineStateInterval, job: JobOrder | None) -> dt.timedelta:
        until = self.stands_until(current)
        if now < until:
            return min(until - now, LOOK_AGAIN)
        self.stop = None
        self.set_state(LineState.RUNNING if job else LineState.IDLE)
        return self.machine.moment()

    def stands_until(self, current: LineStateInterval) -> dt.datetime:
        if self.stop and self.stop[0] == current.pk:
            return self.stop[1]
        by_person = current.source == StateSource.PERSON
        return current.started_at + (PERSONS_STOP_LASTS if by_person else problems.LASTS)

    # --- Between jobs -------------------------------------------------------------------------------

    def prepare(self, now: dt.datetime, current: LineStateInterval | None) -> dt.timedelta:
        if self.job_id is not None and self.was_taken():
            self.job_id = self.setup = None
            return AFTER_A_PERSON
        self.job_id = None
        if self.setup and current is not None and current.state == LineState.SETUP:
            job_id, until = self.setup
            if now < until:
                return min(until - now, LOOK_AGAIN)
            self.setup = None
            start_job(job_order_id=job_id, source=StateSource.MACHINE)
            self.job_id = job_id
            return self.machine.moment()
        return self.set_up(now, current)

    def set_up(self, now: dt.datetime, current: LineStateInterval | None) -> dt.timedelta:
        self.refill(now)
        job = self.next_job()
        if job is None:
            self.setup = None
            if current is None or current.state != LineState.IDLE:
                self.set_state(LineState.IDLE)
            return AFTER_A_REFUSAL
        takes = self.machine.setup(first=job.work_order.status == WorkOrderStatus.RELEASED)
        self.set_state(LineState.SETUP)
        self.setup = (job.pk, now + takes)
        return min(takes, LOOK_AGAIN)

    def was_taken(self) -> bool:
        """The job we ran stands still without our doing: held, or completed by somebody."""
        if self.job_id is None:
            return False
        return JobOrder.objects.filter(pk=self.job_id).exclude(status=JobOrderStatus.RUNNING).exists()

    def refill(self, now: dt.datetime) -> None:
        """Keep a stock of released orders; without the supervisor's signature the line runs dry, and says why."""
        released = WorkOrder.objects.filter(production_line=self.line, status=WorkOrderStatus.RELEASED)
        count = released.count()
        if count >= RELEASED_LOW or (self.refill_due and now < self.refill_due):
            return
        last = released.order_by("-scheduled_end").values_list("scheduled_end", flat=True).first()
        try:
            made = make_released(
                self.plant,
                self.spec,
                rng=self.orders,
                count=RELEASED_FULL - count,
                start=max(now, last or now),
                source=SOURCE,
            )
        except DomainError as refused:
            log.warning("orders_not_released", line=self.spec.code, why=str(refused))
            made = []
        self.refill_due = None if made else now + AFTER_NO_REFILL

    def next_job(self) -> JobOrder | None:
        unfinished_before = JobOrder.objects.filter(
            work_order=OuterRef("work_order"), sequence__lt=OuterRef("sequence"), status__in=UNFINISHED
        )
        return (
            JobOrder.objects.filter(
                production_line=self.line,
                status=JobOrderStatus.WAITING,
                work_order__status__in=(WorkOrderStatus.IN_PROGRESS, WorkOrderStatus.RELEASED),
            )
            .exclude(Exists(unfinished_before))
            .select_related("work_order")
            .order_by("work_order__status", "work_order__priority", "work_order__scheduled_start", "sequence")
            .first()  # "in_progress" sorts before "released": an order that began is finished first
        )

    # --- Working ------------------------------------------------------------------------------------

    def work(self, now: dt.datetime, current: LineStateInterval | None, job: JobOrder) -> dt.timedelta:
        self.job_id = job.pk
        if job.work_order.status != WorkOrderStatus.IN_PROGRESS:  # put on hold beside the running job
            if current is None or current.state != LineState.IDLE:
                self.set_state(LineState.IDLE)
            return AFTER_A_REFUSAL
        if current is None or current.state != LineState.RUNNING:
            self.set_state(LineState.RUNNING)
            return self.machine.cycle(job.run_time_seconds)
        if job.produced >= self.pieces_due(job):
            complete_job(job_order_id=job.pk, source=StateSource.MACHINE)
            self.job_id = None
            return self.machine.moment()
        if self.machine.breaks_down():
            return self.break_down(now)
        return self.make_piece(job)

    def make_piece(self, job: JobOrder) -> dt.timedelta:
        scrap_reason = self.machine.scraps(job.sequence, job.work_order.product.product_code)
        report_quantity(
            job_order_id=job.pk,
            good=Decimal(0 if scrap_reason else 1),
            scrap=Decimal(1 if scrap_reason else 0),
            reason_id=self.plant.reasons[scrap_reason].pk if scrap_reason else None,
            source=StateSource.MACHINE,
        )
        return self.machine.cycle(job.run_time_seconds)

    def break_down(self, now: dt.datetime) -> dt.timedelta:
        """Some stops the machine explains itself; the others wait for the operator."""
        reason, lasts = self.machine.stop()
        interval = self.set_state(LineState.STOPPED, reason=reason)
        self.stop = (interval.pk, now + lasts)
        return min(lasts, LOOK_AGAIN)

    def pieces_due(self, job: JobOrder) -> int:
        """What came out of the operation before, at most what was ordered."""
        before = (
            JobOrder.objects.filter(work_order=job.work_order_id, sequence__lt=job.sequence)
            .exclude(status=JobOrderStatus.CANCELLED)
            .order_by("-sequence")
            .values_list("good", flat=True)
            .first()
        )
        planned = job.work_order.planned_quantity
        return int(planned if before is None else min(before, planned))

    # --- The line -----------------------------------------------------------------------------------

    def current(self) -> LineStateInterval | None:
        return LineStateInterval.objects.filter(line=self.line, ended_at=None).first()

    def running_job(self) -> JobOrder | None:
        return (
            JobOrder.objects.filter(production_line=self.line, status=JobOrderStatus.RUNNING)
            .select_related("work_order__product")
            .order_by("actual_start")
            .first()
        )

    def set_state(self, state: str, *, at: dt.datetime | None = None, reason: str | None = None) -> LineStateInterval:
        return set_line_state(
            line_id=self.line.pk,
            state=state,
            at=at,
            reason_id=self.plant.reasons[reason].pk if reason else None,
            source=StateSource.MACHINE,
        )
