"""One row (at least) of everything the admin shows, made through the same doors as everything else."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from accounts.models import ProviderConfirmation, TemporaryCode, User
from accounts.services.users import system_user
from audit import records, retention
from audit.context import current_act, uuid7
from audit.models import (
    ArchiveCheck,
    Heartbeat,
    Incident,
    JournalArchive,
    JournalMonth,
    Outbox,
    RetentionPolicy,
    SecurityEvent,
    SigningWindow,
    Timestamp,
    TrailReview,
)
from audit.signatures import Meaning, sign
from audit.verification.report import Report
from audit.verification.verify import keep
from equipment.models import LineStateInterval
from equipment.queries.site import production_day
from equipment.services.line_assignments import assign_line
from equipment.services.line_states import record_past_states, set_line_state
from production.models import Batch, KpiDirtyDay, WorkOrder
from production.services.backfill import PastJob, PastReport, PastRun, record_past_order
from production.services.calendar import plan_shifts
from production.services.job_orders import report_quantity
from production.services.kpi import refresh_kpis
from production.services.work_orders import hold_work_order, resume_work_order
from quality.models import Characteristic, QualityCheck
from quality.services.checks import MeasuredValue, record_check
from telemetry.models import ReadingArchive
from telemetry.points import Sent
from telemetry.services.ingest import take
from telemetry.services.sources import create_series, create_source, issue_key
from tests import factories


@dataclass
class World:
    plant: factories.Plant
    planned: WorkOrder
    running: WorkOrder
    characteristic: Characteristic
    check: QualityCheck
    stop: LineStateInterval


def world(mark: str = "") -> World:
    """`mark` is in every name and text that belongs to its line, and in nothing else."""
    plant = factories.plant(mark=mark)
    factories.shift(name=f"Shift {uuid7()}")
    plan_shifts(first=production_day(), last=production_day())
    batch = records.create(Batch(batch_number=f"B-{mark}{uuid7()}", product=plant.product))
    planned = factories.work_order(plant, status="planned", batch_id=batch.pk)
    running = factories.work_order(plant, status="in_progress", batch_id=batch.pk)
    report_quantity(
        job_order_id=factories.first_job(running).pk,
        good=Decimal(3),
        scrap=Decimal(1),
        reason_id=plant.scrap_reason.pk,
        comment=mark,
    )
    hold_work_order(work_order_id=planned.pk, reason=mark or "held")
    resume_work_order(work_order_id=planned.pk)
    planned.refresh_from_db()
    characteristic = factories.characteristic(plant.product)
    check = record_check(
        work_order_id=running.pk,
        job_order_id=factories.first_job(running).pk,
        piece="1",
        test_type=mark or "dimensional",
        place=mark,
        comment=mark,
        values=[MeasuredValue(characteristic_id=characteristic.pk, value=Decimal("10.20"))],
    )
    stop = set_line_state(line_id=plant.line.pk, state="stopped", comment=mark)
    _past_run(plant)
    _past_stop(plant)
    # Of nobody who signs in here: the roles of the tests work on the whole plant
    assign_line(user_id=system_user().pk, line_id=plant.line.pk)
    act = current_act()
    with factories.arranging():
        SecurityEvent.objects.create(kind="signing_failed", user=act.actor, source=act.source, act_id=act.id)
        _schedule()
        now = timezone.now()
        SigningWindow.objects.create(user=act.actor, session_hash=uuid7().hex, opened_at=now, last_used_at=now)
        ProviderConfirmation.objects.create(
            user=act.actor, session="0" * 64, authenticated_at=timezone.now(), made_at=timezone.now()
        )
        given_out = {"issued_at": now, "expires_at": now + dt.timedelta(hours=8), "ended_at": now}
        TemporaryCode.objects.create(
            user=act.actor, issued_by=system_user(), document_class="passport", code="-", once=False, **given_out
        )
        message = Outbox.objects.create(kind="account_locked")
        Incident.objects.create(kind="witness", subject=f"/mnt/{uuid7()}", message=message)
        stamp = {"digest": "0" * 64, "certified_at": timezone.now(), "authority": "tsa", "serial": "1", "token": b"-"}
        Timestamp.objects.create(epoch=1, size=Timestamp.objects.count(), **stamp)
        Heartbeat.objects.get_or_create(name="test", defaults={"at": timezone.now()})
        _review(act.actor)
        keep(Report(), timezone.now())
    _telemetry(plant, mark)
    retention.place_hold(
        record_type=plant.product._meta.db_table, record_key=str(plant.product.pk), reason="Complaint 17"
    )
    if not RetentionPolicy.objects.exists():
        retention.set_policy(record_type=Batch._meta.db_table, years=10, basis="Contract")
    _past_archive()
    refresh_kpis()
    KpiDirtyDay.objects.get_or_create(line_id=plant.line.pk, report_date=dt.date(2026, 1, 1))
    return World(plant, planned, running, characteristic, check, stop)


def _telemetry(plant: factories.Plant, mark: str) -> None:
    """A machine that says something, and something that stands for nothing yet."""
    source = create_source(code=f"gateway-{uuid7()}", name="Gateway")
    issue_key(source_id=source.pk, label="Gateway")
    create_series(
        equipment_id=plant.machine.pk,
        source_id=source.pk,
        source_key="known",
        sensor_type="speed",
        name=f"Speed {mark}",
    )
    with factories.arranging():
        name = f"readings-{uuid7()}.parquet"
        ReadingArchive.objects.create(
            day=dt.date(2020, 1, 1), file_name=name, sha256="0" * 64, size=1, readings=1, made_at=timezone.now()
        )
    at = int(timezone.now().timestamp() * 1_000_000)
    take(lambda known: known.sources.get(source.pk), Sent(["known", "unknown"], [at, at], [1.0, 2.0]))


def _schedule() -> None:
    """A task of each kind of schedule."""
    kinds = {
        "interval": IntervalSchedule(every=1, period="hours"),
        "crontab": CrontabSchedule(hour="4"),
        "solar": SolarSchedule(event="sunrise", latitude=35, longitude=SolarSchedule.objects.count()),
        "clocked": ClockedSchedule(clocked_time=timezone.now() + dt.timedelta(days=365)),
    }
    for kind, schedule in kinds.items():
        schedule.save()
        once = kind == "clocked"
        PeriodicTask.objects.create(
            name=f"{kind} {uuid7()}", task="production.plan_shifts", one_off=once, **{kind: schedule}
        )


def _past_archive() -> None:
    """As if a month before the plant began had been archived and taken out, then only noted."""
    month = dt.date(1990, 1, 1)
    with factories.arranging():
        archive = JournalArchive.objects.create(
            month=month, epoch=1, entries=0, first_leaf=0, last_leaf=0, leaves_digest="", name="journal.zip",
            place="/mnt", sha256="0" * 64, checkpoint_size=0, checkpoint="", archived_by=current_act().actor,
        )  # fmt: skip
        ArchiveCheck.objects.create(archive=archive, verdict="intact")
        JournalMonth.objects.get_or_create(month=month, step="detached", defaults={"entries": 0, "reason": "Old"})


def _review(reviewer: User) -> None:
    """As the service keeps one; here nothing is sealed that it could be about."""
    now = timezone.now()
    nothing = {"entries": 0, "counts": {}, "exceptions": {}, "remarks": [], "comment": "Nothing found."}
    checkpoint = {"epoch": 1, "checkpoint_size": 1, "checkpoint_root": "0" * 64}
    review = TrailReview(
        scope=f"t{uuid7()}", since=now - dt.timedelta(days=1), until=now, reviewer=reviewer, **nothing, **checkpoint
    )
    review.save(force_insert=True)
    sign(review, identity=factories.identity(), meaning=Meaning.TRAIL_REVIEWED)


def _past_stop(plant: factories.Plant) -> None:
    began = timezone.now() - dt.timedelta(days=2)
    ended = began + dt.timedelta(minutes=20)
    stopped = LineStateInterval(state="stopped", started_at=began, ended_at=ended, reason=plant.stop_reason)
    record_past_states(line_id=plant.line.pk, intervals=[stopped], source="import")


def _past_run(plant: factories.Plant) -> None:
    ended = timezone.now() - dt.timedelta(days=3)
    started = ended - dt.timedelta(hours=1)
    record_past_order(
        work_order_number=f"WO-PAST-{plant.mark}{uuid7()}",
        product_id=plant.product.pk,
        production_line_id=plant.line.pk,
        planned_quantity=Decimal(1),
        scheduled_start=started,
        scheduled_end=ended,
        jobs=[
            PastJob(
                sequence=10,
                operation_name="Mill",
                run_time_seconds=Decimal(60),
                setup_time_seconds=Decimal(0),
                line_id=plant.line.pk,
                started_at=started,
                ended_at=ended,
                reports=[PastReport(at=ended, good=Decimal(1))],
                runs=[
                    PastRun(
                        piece="1", equipment_id=plant.machine.pk, started_at=started, ended_at=ended, flags=["overlap"]
                    )
                ],
            )
        ],
    )
