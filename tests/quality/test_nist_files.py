"""Reading the files of the NIST run: oracles, traps, and rows that are not what they should be."""

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from quality.importers.nist_box_assembly.measurements import inspected_at, read_measurements
from quality.importers.nist_box_assembly.rows import MalformedRow
from quality.importers.nist_box_assembly.runs import OperationRun, flags_of_runs, read_runs
from quality.importers.nist_box_assembly.stream import read_machine_day
from tests.shared import SHARED, shared

NIST = SHARED / "data" / "nist-sms-box-assembly"

RUNS = NIST / "derived" / "op_runs.csv"
MEASUREMENTS = NIST / "derived" / "qif_measurements.csv"
STREAM = NIST / "clean-stream" / "2-1-2017-Hurco04-Clean.txt"


@pytest.fixture(scope="module", autouse=True)
def data_is_there() -> None:
    shared("data", "nist-sms-box-assembly")


@pytest.fixture(scope="module")
def runs() -> list[OperationRun]:
    return read_runs(RUNS)


def flagged(runs: list[OperationRun], kind: str) -> list[tuple[str, int, int]]:
    flags = flags_of_runs(runs)
    return [(run.part, run.operation, run.piece) for run in runs if kind in flags[run.line]]


def test_every_operation_has_its_runs(runs: list[OperationRun]) -> None:
    assert Counter((run.part, run.operation) for run in runs) == {
        ("Box", 1): 20,
        ("Box", 2): 20,
        ("Box", 3): 20,
        ("Box", 4): 4,
        ("Box", 5): 20,
        ("Cover", 1): 20,
        ("Cover", 2): 20,
        ("Cover", 3): 20,
        ("Plate", 1): 20,
        ("Plate", 2): 20,
    }


def test_times_of_the_first_plate_operation(runs: list[OperationRun]) -> None:
    plate = [run for run in runs if (run.part, run.operation) == ("Plate", 1)]

    first, last = min(run.started_at for run in plate), max(run.ended_at for run in plate)
    assert first == dt.datetime(2017, 2, 1, 13, 59, 35, 93750, tzinfo=dt.UTC)
    assert last == dt.datetime(2017, 2, 6, 12, 14, 38, 500000, tzinfo=dt.UTC)


def test_overlapping_runs_are_flagged_once_with_their_seconds(runs: list[OperationRun]) -> None:
    assert flagged(runs, "overlap") == [("Plate", 1, 9)]
    (plate_9,) = (run for run in runs if (run.part, run.operation, run.piece) == ("Plate", 1, 9))
    assert flags_of_runs(runs)[plate_9.line]["overlap"] == {
        "with": "Plate-Op1-Hurco04-08of20.txt",
        "seconds": 36.296875,
    }


def test_pieces_run_again_are_flagged(runs: list[OperationRun]) -> None:
    assert flagged(runs, "run_again") == [
        ("Box", 3, 16),
        ("Box", 5, 4),
        ("Cover", 1, 2),
        ("Plate", 1, 4),
        ("Plate", 1, 9),
    ]


def test_counter_jumps_are_flagged(runs: list[OperationRun]) -> None:
    assert flagged(runs, "counter_jump") == [
        ("Box", 1, 4),
        ("Box", 1, 6),
        ("Box", 1, 9),
        ("Box", 2, 1),
        ("Box", 3, 1),
        ("Box", 5, 1),
        ("Cover", 1, 1),
        ("Cover", 2, 1),
        ("Cover", 3, 1),
        ("Plate", 1, 9),
        ("Plate", 1, 14),
        ("Plate", 2, 1),
    ]


def test_runs_without_machine_data_and_with_a_wrong_program_are_flagged(runs: list[OperationRun]) -> None:
    assert flagged(runs, "no_machine_status") == [("Box", 4, 2), ("Box", 4, 3), ("Box", 4, 4)]
    assert flagged(runs, "program_of_other_operation") == [("Box", 1, 20), ("Box", 3, 20)]
    assert len(flagged(runs, "truncated_rows")) == 53
    assert sum(run.bad_rows for run in runs) == 80


def test_failing_values_of_the_laboratories() -> None:
    values = read_measurements(MEASUREMENTS)

    failing = Counter((value.part, value.lab) for value in values if not value.passed)
    assert len(values) == 1940
    assert failing == {
        ("Plate", "NIST-Mitutoyo"): 98,
        ("Plate", "MTC-Nikon"): 51,
        ("Cover", "NIST-Mitutoyo"): 1,
    }
    assert all(value.limits.verdict(value.value) == value.passed for value in values)


def test_values_keep_the_digits_of_the_file() -> None:
    assert "17.498999999999999" in {str(value.value) for value in read_measurements(MEASUREMENTS)}


def test_every_piece_is_measured_once_per_feature() -> None:
    values = read_measurements(MEASUREMENTS)

    once = Counter((value.part, value.lab, value.piece, value.characteristic) for value in values)
    assert set(once.values()) == {1}
    assert len({key[:3] for key in once}) == 60
    assert {value.piece for value in values if not value.piece_named} == {20}


def test_offsets_and_a_negative_tolerance_become_limits() -> None:
    mtc = {value.characteristic: value.limits for value in read_measurements(MEASUREMENTS) if value.lab == "MTC-Nikon"}

    hole = mtc["DIAMETER5 1/6"]
    assert (hole.lower, hole.target, hole.upper) == (Decimal("3.746"), Decimal(4), Decimal("4.254"))
    assert (mtc["PERPENDICULARITY1"].lower, mtc["PERPENDICULARITY1"].upper) == (None, Decimal("0.13"))


def test_reports_tell_when_they_were_written() -> None:
    written = {file.name.split(" ")[0]: inspected_at(file) for file in (NIST / "qif").iterdir()}

    assert written == {
        "7_11_2017": dt.datetime(2017, 7, 11, 9, 16, 18, tzinfo=dt.UTC),
        "7_18_2017": dt.datetime(2017, 7, 18, 9, 24, 30, tzinfo=dt.UTC),
        "PlateResults_20_samples.QIF": dt.datetime(2017, 3, 7, 10, 39, 11, tzinfo=dt.UTC),
    }


def test_active_time_of_hurco04_on_its_first_day() -> None:
    day = read_machine_day(STREAM)

    active, whole = day.time_in("ACTIVE"), day.ended_at - day.started_at
    assert day.machine == "Hurco04"
    assert active == dt.timedelta(seconds=10472, microseconds=875000)
    assert whole == dt.timedelta(seconds=28391, microseconds=218750)
    assert round(active / whole * 100, 3) == 36.888
    assert len(day.truncated_lines) == 9
    assert sum((span.duration for span in day.spans), dt.timedelta()) == whole


Edit = Callable[[list[str]], None]


def replace(line: int, old: str, new: str) -> Edit:
    def edit(lines: list[str]) -> None:
        assert old in lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new, 1)

    return edit


def repeat(line: int) -> Edit:
    return lambda lines: lines.insert(line, lines[line - 1])


def broken_copy(source: Path, folder: Path, edit: Edit) -> Path:
    copy = folder / source.name
    shutil.copyfile(source, copy)
    copy.chmod(0o600)
    lines = copy.read_text(encoding="utf-8").splitlines(keepends=True)
    edit(lines)
    copy.write_text("".join(lines), encoding="utf-8", newline="")
    return copy


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (replace(1, "serial", "piece"), 1),
        (replace(5, "Box,", "Lid,"), 5),
        (replace(5, "Hurco02", "Hurco09"), 5),
        (replace(5, ",1,Hurco02", ",6,Hurco02"), 5),
        (replace(5, "Hurco02,4,", "Hurco02,21,"), 5),
        (replace(5, "Hurco02,4,", "Hurco02,4,,"), 5),
        (replace(5, "2017-02-06T15:05:05", "2017-02-30T15:05:05"), 5),
        (replace(5, "2017-02-06T15:05:05", "2017-02-07T15:05:05"), 5),
        (replace(5, "4069.3", "4070.3"), 5),
        (replace(5, "313.6", "NaN"), 5),
        (replace(5, "ACTIVE:1", "ACTIVE"), 5),
        (replace(5, ",1918,", ",x1918,"), 5),
        (repeat(5), 6),
    ],
)
def test_a_malformed_run_is_named_by_file_and_line(tmp_path: Path, edit: Edit, line: int) -> None:
    with pytest.raises(MalformedRow) as refused:
        read_runs(broken_copy(RUNS, tmp_path, edit))

    assert (refused.value.file.name, refused.value.line) == ("op_runs.csv", line)
    assert f"op_runs.csv line {line}:" in str(refused.value)


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (replace(4, "plate,", "lid,"), 4),
        (replace(4, "NIST-Mitutoyo", "Somewhere"), 4),
        (replace(4, "NIST-Mitutoyo,1,", "NIST-Mitutoyo,21,"), 4),
        (replace(4, "NIST-Mitutoyo,1,", "NIST-Mitutoyo,one,"), 4),
        (replace(4, "0.009", "0,009"), 4),
        (replace(4, "0.009", "0.0.9"), 4),
        (replace(4, "0.009", "Infinity"), 4),
        (replace(4, "PASS", "OK"), 4),
        (replace(6, "89,91", "91,89"), 6),
        (replace(6, "89,91", "88,91"), 44),  # the next piece shows that it differs
    ],
)
def test_a_malformed_measurement_is_named_by_file_and_line(tmp_path: Path, edit: Edit, line: int) -> None:
    with pytest.raises(MalformedRow) as refused:
        read_measurements(broken_copy(MEASUREMENTS, tmp_path, edit))

    assert refused.value.line == line


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (replace(2, "|", ""), 2),
        (replace(2, "T12", "T25"), 2),
        (replace(3, "T12", "T11"), 3),
        (replace(1, "Program_Status|READY", "Program_Status|DANCING"), 1),
        (replace(2, "2017-02-01T12:22:43.5468750Z|Spindle_Speed|995.520159", "2017-0"), 2),
    ],
)
def test_a_malformed_stream_row_is_named_by_file_and_line(tmp_path: Path, edit: Edit, line: int) -> None:
    with pytest.raises(MalformedRow) as refused:
        read_machine_day(broken_copy(STREAM, tmp_path, edit))

    assert refused.value.line == line
