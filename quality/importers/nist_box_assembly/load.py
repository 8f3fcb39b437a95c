"""Writes the data set through the services of the apps, all of it or nothing (docs/nist-data.md)."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from statistics import median

from django.utils.translation import gettext as _

from accounts.services.users import installing, program_user
from audit.context import act_as
from audit.errors import Conflict
from audit.master_data import create_record
from equipment.enums import StateSource
from equipment.models import Area, Equipment, LineStateInterval, ProductionLine, Site
from equipment.services.line_states import record_past_states
from inventory.models import Material
from production.models import Routing, RoutingOperation, WorkOrder
from production.services.backfill import PastJob, PastReport, PastRun, record_past_order
from quality.models import Characteristic
from quality.services.checks import MeasuredValue as EnteredValue
from quality.services.checks import record_check

from .dataset import Dataset
from .measurements import MeasuredValue
from .runs import MACHINES, OPERATIONS, PIECES, Flags, OperationRun
from .stream import LINE_STATES

SOURCE = "NIST SMS Test Bed, box assembly"
IMPORTER = "nist-import"
# What the importer does are the acts of these three; it is a program, has no password and cannot sign.
IMPORTER_ROLES = ("planner", "supervisor", "qa_manager")

# These texts become data, and data keep the language of their source.
NO_SCHEDULE = "Imported. The data hold no schedule: the scheduled times are the actual ones."
REPORT_TIME = "Time of the laboratory's report, read as UTC: the file holds none per value."
UNNAMED_PIECE = "The file gives this piece no number; it is the only one missing."


@dataclass(frozen=True, slots=True)
class Imported:
    """What one import wrote; all zero when the same data had been imported before."""

    orders: int = 0
    runs: int = 0
    states: int = 0
    checks: int = 0
    measurements: int = 0


def import_dataset(data: Dataset) -> Imported:
    """Write the data set, or nothing when these very files were imported before.

    Raises Conflict when the orders came from other files, and what the services refuse; nothing is written
    then.
    """
    with installing("import_dataset"):
        if _imported_before(data):
            return Imported()
        for role in IMPORTER_ROLES:
            importer = program_user(IMPORTER, printed_name="NIST import", role=role)
        with act_as(importer, source="command:import_nist_box_assembly", reason=SOURCE):
            return _write(data)


def order_number(part: str) -> str:
    return f"WO-NIST-{part.upper()}"


def _imported_before(data: Dataset) -> bool:
    orders = WorkOrder.objects.filter(work_order_number__in=[order_number(part) for part in OPERATIONS])
    digests = {(order.manufacturing_parameters or {}).get("sha256") for order in orders}
    if digests and digests != {data.digest}:
        raise Conflict(_("The orders WO-NIST-… exist already and were made from other files."))
    return bool(digests)


def _write(data: Dataset) -> Imported:
    machines = _machines()
    orders: dict[str, WorkOrder] = {}
    for part, machine in MACHINES.items():
        runs = [run for run in data.runs if run.part == part]
        orders[part] = _order(part, runs, machines[machine], data)
    return Imported(
        orders=len(orders),
        runs=len(data.runs),
        states=_line_states(data, machines),
        checks=_checks(data, orders),
        measurements=len(data.values),
    )


def _machines() -> dict[str, Equipment]:
    """Each machine is a line of its own: nothing passes from one to the other without a person."""
    site = Site.objects.first() or create_record(
        Site, code="NIST-SMS", name="NIST SMS Test Bed", time_zone="America/New_York"
    )
    area = create_record(Area, site=site, code="NIST-SMS", name="NIST SMS Test Bed")
    machines = {}
    for machine in sorted(set(MACHINES.values())):
        line = create_record(ProductionLine, area=area, line_code=machine.upper(), line_name=machine)
        machines[machine] = create_record(
            Equipment, line=line, code=machine, name=f"{machine} milling machine", kind="machining center"
        )
    return machines


def _order(part: str, runs: list[OperationRun], machine: Equipment, data: Dataset) -> WorkOrder:
    product = create_record(
        Material, product_code=f"NIST-{part.upper()}", product_name=part, product_type="machined part"
    )
    jobs = [
        _job(operation, [run for run in runs if run.operation == operation], machine, data.flags)
        for operation in range(1, OPERATIONS[part] + 1)
    ]
    routing = create_record(Routing, product=product)
    for job in jobs:
        create_record(
            RoutingOperation,
            routing=routing,
            sequence=job.sequence,
            name=job.operation_name,
            run_time_seconds=job.run_time_seconds,
            production_line_id=job.line_id,
        )
    return record_past_order(
        work_order_number=order_number(part),
        product_id=product.pk,
        production_line_id=machine.line_id,
        planned_quantity=Decimal(PIECES),
        scheduled_start=min(job.started_at for job in jobs),
        scheduled_end=max(job.ended_at for job in jobs),
        jobs=jobs,
        special_instructions=NO_SCHEDULE,
        manufacturing_parameters={"source": SOURCE, "sha256": data.digest},
    )


def _job(operation: int, runs: list[OperationRun], machine: Equipment, flags: dict[int, Flags]) -> PastJob:
    """A run that has ended is a piece made: the data know no scrap, and each run is one piece's."""
    return PastJob(
        sequence=operation,
        operation_name=f"OP{operation}",
        run_time_seconds=_standard_seconds(runs),
        setup_time_seconds=Decimal(0),
        line_id=machine.line_id,
        started_at=min(run.started_at for run in runs),
        ended_at=max(run.ended_at for run in runs),
        reports=[PastReport(at=run.ended_at, good=Decimal(1)) for run in runs],
        runs=[_past_run(run, machine, flags[run.line]) for run in runs],
    )


def _standard_seconds(runs: list[OperationRun]) -> Decimal:
    """No standard time is in the data; the median of the measured times stands in for it."""
    return median(run.active_seconds for run in runs if run.status_counts)


def _past_run(run: OperationRun, machine: Equipment, flags: Flags) -> PastRun:
    return PastRun(
        piece=str(run.piece),
        equipment_id=machine.pk,
        started_at=run.started_at,
        ended_at=run.ended_at,
        active_seconds=run.active_seconds if run.status_counts else None,
        details={
            "source_file": run.source_file,
            "status_counts": run.status_counts,
            "programs": list(run.programs),
            "part_counts": list(run.part_counts),
            "flags": flags,
        },
        flags=sorted(flags),
    )


def _line_states(data: Dataset, machines: dict[str, Equipment]) -> int:
    return sum(
        record_past_states(
            line_id=machines[day.machine].line_id,
            intervals=[
                LineStateInterval(
                    state=LINE_STATES[span.status],
                    started_at=span.started_at,
                    ended_at=span.ended_at,
                    comment=span.status,
                )
                for span in day.spans
            ],
            source=StateSource.IMPORT,
        )
        for day in data.machine_days
    )


def _checks(data: Dataset, orders: dict[str, WorkOrder]) -> int:
    """One check per report and piece, in the order of the files: the charts follow it."""
    characteristics = _characteristics(data.values, orders)
    checks = 0
    for (file, _piece), of_piece in groupby(data.values, key=lambda value: (value.source_file, value.piece)):
        values = list(of_piece)
        first = values[0]
        record_check(
            work_order_id=orders[first.part].pk,
            test_type="dimensional",
            values=[
                EnteredValue(
                    characteristic_id=characteristics[_key(value)].pk,
                    value=value.value,
                    reported_status="PASS" if value.passed else "FAIL",
                )
                for value in values
            ],
            piece=str(first.piece),
            place=first.lab,
            performed_at=data.reports[file],
            comment=REPORT_TIME if first.piece_named else f"{REPORT_TIME} {UNNAMED_PIECE}",
            client_token=uuid.uuid5(uuid.NAMESPACE_URL, f"nist-sms-box-assembly/{file}/{first.piece}"),
        )
        checks += 1
    return checks


def _key(value: MeasuredValue) -> tuple[str, str, str]:
    return (value.part, value.lab, value.characteristic)


def _characteristics(
    values: Iterable[MeasuredValue], orders: dict[str, WorkOrder]
) -> dict[tuple[str, str, str], Characteristic]:
    """The laboratories name, number and tolerate the same features differently: each has its own."""
    numbers: Counter[tuple[str, str]] = Counter()
    made: dict[tuple[str, str, str], Characteristic] = {}
    for value in values:
        if _key(value) in made:
            continue
        numbers[value.part, value.lab] += 1
        made[_key(value)] = create_record(
            Characteristic,
            product_id=orders[value.part].product_id,
            code=f"{value.lab}-{numbers[value.part, value.lab]:02}",
            name=f"{value.characteristic} ({value.lab})",
            kind=value.kind,
            unit=_unit(value),
            target=value.limits.target,
            lower_limit=value.limits.lower,
            upper_limit=value.limits.upper,
            is_informational=value.is_identification,
        )
    return made


def _unit(value: MeasuredValue) -> str:
    if value.is_identification:
        return "no."
    return "°" if value.kind == "Angle" else "mm"
