"""The whole data set, read and checked before anything is written."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .measurements import MeasuredValue, inspected_at, read_measurements
from .runs import Flags, OperationRun, flags_of_runs, read_runs
from .stream import MachineDay, read_machine_day


@dataclass(frozen=True, slots=True)
class Dataset:
    """Everything the import needs. `digest` is the SHA-256 over the files it was read from."""

    runs: list[OperationRun]
    flags: dict[int, Flags]
    values: list[MeasuredValue]
    reports: dict[str, datetime]
    machine_days: list[MachineDay]
    digest: str


def read_dataset(folder: Path) -> Dataset:
    """Read every file. Raises MalformedRow, or OSError when a file is missing."""
    runs_file = folder / "derived" / "op_runs.csv"
    values_file = folder / "derived" / "qif_measurements.csv"
    streams = sorted((folder / "clean-stream").glob("*-Clean.txt"))
    runs, values = read_runs(runs_file), read_measurements(values_file)
    reports = {name: folder / "qif" / name for name in sorted({value.source_file for value in values})}
    return Dataset(
        runs=runs,
        flags=flags_of_runs(runs),
        values=values,
        reports={name: inspected_at(file) for name, file in reports.items()},
        machine_days=[read_machine_day(stream) for stream in streams],
        digest=_digest(folder, [runs_file, values_file, *streams, *reports.values()]),
    )


def _digest(folder: Path, files: list[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()
