"""`derived/op_runs.csv`: 184 runs of one operation on one piece, and what is odd about them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from django.utils.translation import gettext as _

from .rows import Row, csv_rows

PIECES = 20
OPERATIONS = {"Box": 5, "Cover": 3, "Plate": 2}
MACHINES = {"Box": "Hurco02", "Cover": "Hurco04", "Plate": "Hurco04"}

COLUMNS = (
    "part", "op", "machine", "serial", "rows", "bytes", "first_ts", "last_ts", "elapsed_s",
    "status_active_s", "max_program_runtime_s", "max_spindle_rpm", "max_feed", "program_status_counts",
    "programs", "part_counts", "backward_ts_steps", "bad_ts_rows", "file",
)  # fmt: skip

# A run that went as meant: started once, completed once.
SMOOTH = {"ACTIVE": 1, "PROGRAM_COMPLETED": 1}


@dataclass(frozen=True, slots=True)
class OperationRun:
    """One operation on one piece, as the machine's controller recorded it. Seconds are the controller's."""

    line: int
    part: str
    operation: int
    machine: str
    piece: int
    started_at: datetime
    ended_at: datetime
    active_seconds: Decimal
    program_runtime_seconds: Decimal | None
    status_counts: dict[str, int]
    programs: tuple[str, ...]
    part_counts: tuple[int, ...]
    bad_rows: int
    source_file: str

    @property
    def elapsed_seconds(self) -> float:
        return (self.ended_at - self.started_at).total_seconds()


def read_runs(file: Path) -> list[OperationRun]:
    """Every run in file order. Raises MalformedRow."""
    runs: list[OperationRun] = []
    seen: set[tuple[str, int, int]] = set()
    for row in csv_rows(file, COLUMNS):
        run = _run(row)
        key = (run.part, run.operation, run.piece)
        if key in seen:
            raise row.malformed(_("this operation of this piece is already in the file"))
        seen.add(key)
        runs.append(run)
    return runs


def _run(row: Row) -> OperationRun:
    part = row.choice("part", tuple(OPERATIONS))
    run = OperationRun(
        line=row.line,
        part=part,
        operation=row.integer("op"),
        machine=row.choice("machine", (MACHINES[part],)),
        piece=row.integer("serial"),
        started_at=row.moment("first_ts"),
        ended_at=row.moment("last_ts"),
        active_seconds=row.decimal("status_active_s"),
        program_runtime_seconds=row.optional_decimal("max_program_runtime_s"),
        status_counts=_status_counts(row),
        programs=tuple(filter(None, row.text("programs").split("|"))),
        part_counts=_part_counts(row),
        bad_rows=row.integer("bad_ts_rows"),
        source_file=row.text("file"),
    )
    _check(row, run)
    return run


def _check(row: Row, run: OperationRun) -> None:
    if not 1 <= run.operation <= OPERATIONS[run.part]:
        raise row.malformed(_("%(part)s has no operation %(number)d") % {"part": run.part, "number": run.operation})
    if not 1 <= run.piece <= PIECES:
        raise row.malformed(_("piece %(piece)d is outside 1 to %(last)d") % {"piece": run.piece, "last": PIECES})
    if run.ended_at < run.started_at:
        raise row.malformed(_("the end lies before the start"))
    if abs(run.elapsed_seconds - float(row.decimal("elapsed_s"))) > 0.1:  # the file rounds to 0.1 s
        raise row.malformed(_("elapsed_s is not the time between start and end"))


def _status_counts(row: Row) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in filter(None, row.text("program_status_counts").split(";")):
        found = re.fullmatch(r"([A-Z_]+):(\d+)", entry)
        if found is None:
            raise row.malformed(_("program_status_counts is not readable: “%(found)s”") % {"found": entry})
        counts[found[1]] = int(found[2])
    return counts


def _part_counts(row: Row) -> tuple[int, ...]:
    counts = row.text("part_counts")
    if not re.fullmatch(r"(\d+(\|\d+)*)?", counts):
        raise row.malformed(_("part_counts is not readable: “%(found)s”") % {"found": counts})
    return tuple(int(count) for count in counts.split("|")) if counts else ()


Flags = dict[str, object]


def flags_of_runs(runs: list[OperationRun]) -> dict[int, Flags]:
    """What is odd about each run, by its line in the file: {kind: facts}. Nothing is corrected.

    Counter and overlap are judged along one machine's time, so the runs of all parts are needed together.
    """
    flags = {run.line: dict(_flags_of_one(run)) for run in runs}
    for machine in sorted({run.machine for run in runs}):
        in_time = sorted((run for run in runs if run.machine == machine), key=lambda run: run.started_at)
        for line, kind, facts in _flags_along_machine(in_time):
            flags[line][kind] = facts
    return flags


def _flags_of_one(run: OperationRun) -> Iterator[tuple[str, object]]:
    if not run.status_counts:
        yield "no_machine_status", {}
    elif run.status_counts != SMOOTH:
        yield "interrupted", run.status_counts
    if not run.part_counts:
        yield "not_counted", {}
    if len(run.part_counts) > 1:
        yield "run_again", {"counts": list(run.part_counts)}
    if run.program_runtime_seconds and run.program_runtime_seconds > run.elapsed_seconds + 1:
        yield "program_began_before_run", {"program_seconds": float(run.program_runtime_seconds)}
    if others := [name for name in run.programs if _is_of_other_operation(name, run.operation)]:
        yield "program_of_other_operation", {"programs": others}
    if run.bad_rows:
        yield "truncated_rows", {"rows": run.bad_rows}


def _is_of_other_operation(program: str, operation: int) -> bool:
    named = re.search(r"OP(\d)", program)
    return named is not None and int(named[1]) != operation


def _flags_along_machine(runs: list[OperationRun]) -> Iterator[tuple[int, str, object]]:
    last_count: int | None = None
    latest: OperationRun | None = None
    for run in runs:
        if run.part_counts:
            if last_count is not None and run.part_counts[0] != last_count + 1:
                yield run.line, "counter_jump", {"from": last_count, "to": run.part_counts[0]}
            last_count = run.part_counts[-1]
        if latest is not None and run.started_at < latest.ended_at:
            shared = min(run.ended_at, latest.ended_at) - run.started_at
            yield run.line, "overlap", {"with": latest.source_file, "seconds": shared.total_seconds()}
        if latest is None or run.ended_at > latest.ended_at:
            latest = run
