"""Objects for tests, made through the same doors as everything else. Each needs an open act (`as_admin`)."""

import datetime as dt
import itertools
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.roles import ROLE_BY_NAME
from accounts.services.qualifications import qualify_for_the_demo
from accounts.services.users import installing
from audit import records
from audit.context import act_as, current_act, current_act_or_none
from audit.journal import change
from audit.models import StateChange
from audit.signatures import ConfirmedIdentity, Meaning, Signing
from equipment.enums import ReasonKind
from equipment.models import Area, Equipment, ProductionLine, ReasonCode, Site
from inventory.models import Material
from production.models import JobOrder, Routing, RoutingOperation, Shift, WorkOrder
from production.services.job_orders import start_job
from production.services.work_orders import create_work_order, plan_work_order, release_work_order
from quality.models import Characteristic

_serial = itertools.count(1)


@dataclass
class Plant:
    site: Site
    line: ProductionLine
    machine: Equipment
    product: Material
    routing: Routing
    stop_reason: ReasonCode
    scrap_reason: ReasonCode
    hold_reason: ReasonCode
    mark: str = ""


def arranging() -> AbstractContextManager[object]:
    """For what a test writes past the services: the journal wants a name and a reason of everybody."""
    return change("arrange_test") if current_act_or_none() else installing("arrange_test")


def user(role: str, *, password: str = "", name: str = "") -> User:
    with arranging():
        made, created = User.objects.get_or_create(
            username=f"test-{name or role}",
            defaults={"printed_name": f"Test {name or role}", "is_staff": ROLE_BY_NAME[role].uses_admin},
        )
        if created:
            made.set_password(password)
            made.save()
            made.groups.add(Group.objects.get(name=role))
            qualify_for_the_demo(made)
    return made


def superuser(*, password: str = "") -> User:
    with arranging():
        made = User.objects.filter(username="test-admin").first() or User.objects.create_superuser(
            "test-admin", "", password, printed_name="Test admin"
        )
        qualify_for_the_demo(made)
    return made


def qualify(person: User) -> User:
    """The right to sign, with everything that goes with it."""
    with arranging():
        qualify_for_the_demo(person)
    return person


def site() -> Site:
    return Site.objects.first() or records.create(Site(code="TEST", name="Test plant", time_zone="Asia/Tokyo"))


def line(code: str = "") -> ProductionLine:
    area = Area.objects.first() or records.create(Area(site=site(), code="A1", name="Hall 1"))
    code = code or f"L{next(_serial)}"
    return records.create(ProductionLine(area=area, line_code=code, line_name=f"Line {code}", capacity_per_hour=60))


def machine(of: ProductionLine, mark: str = "") -> Equipment:
    return records.create(Equipment(line=of, code=f"{mark}M{next(_serial)}", name="Machine"))


def reason(kind: str, code: str = "", **values: object) -> ReasonCode:
    code = code or f"R{next(_serial)}"
    return records.create(ReasonCode(kind=kind, code=code, name=f"Reason {code}", name_ja=f"理由 {code}", **values))


def product(code: str = "", **values: object) -> Material:
    code = code or f"P{next(_serial)}"
    return records.create(
        Material(product_code=code, product_name=f"Product {code}", product_type="finished", **values)
    )


def routing(of: Material, *, operations: int = 2, run_time_seconds: str = "30") -> Routing:
    made = records.create(Routing(product=of, revision="A"))
    for n in range(1, operations + 1):
        records.create(
            RoutingOperation(
                routing=made,
                sequence=n * 10,
                name=f"Operation {n}",
                run_time_seconds=Decimal(run_time_seconds),
                setup_time_seconds=Decimal(300),
            )
        )
    return made


def plant(*, operations: int = 2, mark: str = "") -> Plant:
    """`mark` begins the names of what belongs to the line."""
    its_site, its_line, its_product = site(), line(f"{mark}L{next(_serial)}"), product()
    return Plant(
        site=its_site,
        line=its_line,
        machine=machine(its_line, mark),
        product=its_product,
        routing=routing(its_product, operations=operations),
        stop_reason=reason(ReasonKind.STOP),
        scrap_reason=reason(ReasonKind.SCRAP),
        hold_reason=reason(ReasonKind.HOLD),
        mark=mark,
    )


def shift(*, start: str = "00:00", end: str = "00:00", name: str = "All day") -> Shift:
    return records.create(
        Shift(name=name, start_time=dt.time.fromisoformat(start), end_time=dt.time.fromisoformat(end))
    )


def characteristic(of: Material, code: str = "", **values: object) -> Characteristic:
    code = code or f"C{next(_serial)}"
    limits = {"target": Decimal("10"), "lower_limit": Decimal("9.9"), "upper_limit": Decimal("10.1")}
    return records.create(Characteristic(product=of, code=code, name=f"Diameter {code}", **(limits | values)))


def work_order(at: Plant, *, status: str = "created", quantity: str = "10", **values: object) -> WorkOrder:
    """An order brought to `status` through the real services."""
    now = timezone.now()
    fields = {
        "work_order_number": f"WO-TEST-{next(_serial):05d}{at.mark}",
        "product_id": at.product.pk,
        "production_line_id": at.line.pk,
        "planned_quantity": Decimal(quantity),
        "scheduled_start": now,
        "scheduled_end": now + dt.timedelta(hours=8),
    }
    order = create_work_order(**(fields | values))
    if status in ("planned", "released", "in_progress"):
        order = plan_work_order(work_order_id=order.pk)
    if status in ("released", "in_progress"):
        with act_as(releaser(), source="test"):
            order = release_work_order(work_order_id=order.pk, signing=signing())
    if status == "in_progress":
        start_job(job_order_id=first_job(order).pk)
    order.refresh_from_db()
    return order


def first_job(order: WorkOrder) -> JobOrder:
    return order.job_orders.order_by("sequence")[0]


def put_jobs(jobs: QuerySet[JobOrder], status: str) -> None:
    """Jobs in a state that their steps do not lead to from here, with the evidence the database asks for."""
    with arranging():
        for job in jobs.exclude(status=status):
            StateChange.objects.create(
                occurred_at=timezone.now(),
                record_label=job._meta.label_lower,
                record_pk=str(job.pk),
                transition="arrange_test",
                from_state=job.status,
                to_state=status,
                actor=current_act().actor,
                actor_name=current_act().actor.printed_name,
                source="test",
                act_id=current_act().id,
            )
        jobs.update(status=status)


def identity() -> ConfirmedIdentity:
    """The acting user, freshly confirmed."""
    return ConfirmedIdentity(current_act().actor, timezone.now(), ("id", "password"))


def signing(meaning: str = Meaning.RELEASED, **values: object) -> Signing:
    """A signature of the acting user."""
    return Signing(identity=identity(), meaning=meaning, **values)


def releaser() -> User:
    """Who signs for the factories: whoever arranges is the author, and authors do not sign."""
    return user("supervisor", name="releaser")
