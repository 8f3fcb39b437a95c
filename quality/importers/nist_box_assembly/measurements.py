"""`derived/qif_measurements.csv`: 1,940 values two laboratories measured on the finished pieces."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from django.utils.translation import gettext as _

from .rows import MalformedRow, Row, csv_rows, utc_moment
from .runs import PIECES

COLUMNS = (
    "part", "lab", "serial", "characteristic_item_id", "definition_name", "item_name", "type", "target",
    "tol_min", "tol_max", "defined_as_limit", "tolerance_value", "value", "status", "feature_actual_ids",
    "source_file",
)  # fmt: skip

PARTS = {"plate": "Plate", "cover": "Cover"}
LABS = ("NIST-Mitutoyo", "MTC-Nikon")
PART_NUMBER = "Part Number"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the drawing allows. A geometric tolerance (flatness, position) has an upper limit only."""

    target: Decimal | None
    lower: Decimal | None
    upper: Decimal

    def verdict(self, value: Decimal) -> bool:
        return (self.lower is None or value >= self.lower) and value <= self.upper


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One value. `value` keeps the digits of the file.

    The MTC's program measures one definition on several features of a piece (DIAMETER5 on six holes);
    `feature` counts them from 1 in the order of the file, which is the same features on every piece, and
    `features` says how many there are.
    """

    line: int
    part: str
    lab: str
    piece: int
    piece_named: bool
    item_id: str
    name: str
    kind: str
    limits: Limits
    value: Decimal
    passed: bool
    feature: int
    features: int
    source_file: str

    @property
    def characteristic(self) -> str:
        """The name of what is measured, unique for a part and a laboratory."""
        return self.name if self.features == 1 else f"{self.name} {self.feature}/{self.features}"

    @property
    def is_identification(self) -> bool:
        """The file carries the piece's number as if it were a measured length."""
        return self.name == PART_NUMBER


def read_measurements(file: Path) -> list[MeasuredValue]:
    """Every value in file order. Raises MalformedRow."""
    rows = list(csv_rows(file, COLUMNS))
    pieces = _pieces(rows)
    features = Counter(_feature_key(row, piece) for row, piece in zip(rows, pieces, strict=True))
    seen: Counter[tuple[str, ...]] = Counter()
    values = []
    for row, piece in zip(rows, pieces, strict=True):
        key = _feature_key(row, piece)
        seen[key] += 1
        values.append(_measured_value(row, piece, seen[key], features[key]))
    _check_same_limits(file, values)
    return values


def _feature_key(row: Row, piece: int) -> tuple[str, ...]:
    return (row.text("part"), row.text("lab"), str(piece), row.text("characteristic_item_id"))


def _measured_value(row: Row, piece: int, feature: int, features: int) -> MeasuredValue:
    return MeasuredValue(
        line=row.line,
        part=PARTS[row.choice("part", tuple(PARTS))],
        lab=row.choice("lab", LABS),
        piece=piece,
        piece_named=bool(row.text("serial")),
        item_id=row.text("characteristic_item_id"),
        name=row.text("definition_name") or row.text("item_name"),
        kind=row.text("type"),
        limits=_limits(row),
        value=row.decimal("value"),
        passed=row.choice("status", ("PASS", "FAIL")) == "PASS",
        feature=feature,
        features=features,
        source_file=row.text("source_file"),
    )


def _pieces(rows: list[Row]) -> list[int]:
    """The piece number of each row.

    NIST writes the number, the MTC a program name holding it. The MTC left one piece without a name: it is
    taken as the only number missing in its file, and refused when more than one is missing.
    """
    named = [_piece_number(row) for row in rows]
    found: dict[str, set[int]] = {}
    for row, number in zip(rows, named, strict=True):
        if number is not None:
            found.setdefault(row.text("source_file"), set()).add(number)
    pieces = []
    for row, number in zip(rows, named, strict=True):
        if number is None:
            missing = set(range(1, PIECES + 1)) - found.get(row.text("source_file"), set())
            if len(missing) != 1:
                raise row.malformed(_("the piece has no number and it cannot be told which one it is"))
            (number,) = missing
        pieces.append(number)
    return pieces


def _piece_number(row: Row) -> int | None:
    serial = row.text("serial")
    if not serial:
        return None
    named = re.fullmatch(r"(\d{1,2})|PLATE_RESULTS_A(\d\d)_.*", serial)
    if named is None or not 1 <= int(named[1] or named[2]) <= PIECES:
        raise row.malformed(_("serial is not a piece number: “%(found)s”") % {"found": serial})
    return int(named[1] or named[2])


def _limits(row: Row) -> Limits:
    """The limits as numbers: given as such, as offsets from the target, or as one tolerance from zero.

    The MTC writes one perpendicularity tolerance as -0.13; a tolerance zone has a size, so its sign is
    dropped (and its status column judges it that way).
    """
    tolerance = row.optional_decimal("tolerance_value")
    if tolerance is not None:
        return Limits(None, None, abs(tolerance))
    target, low, high = (row.decimal(column) for column in ("target", "tol_min", "tol_max"))
    if row.choice("defined_as_limit", ("true", "false")) == "false":
        low, high = target + low, target + high
    if not low < high:
        raise row.malformed(_("tol_min is not below tol_max"))
    return Limits(target, low, high)


def _check_same_limits(file: Path, values: list[MeasuredValue]) -> None:
    first: dict[tuple[str, str, str], MeasuredValue] = {}
    for value in values:
        known = first.setdefault((value.part, value.lab, value.characteristic), value)
        if known.limits != value.limits:
            raise MalformedRow(
                file, value.line, _("the limits differ from those in line %(line)d") % {"line": known.line}
            )


def inspected_at(file: Path) -> datetime:
    """When the laboratory wrote the report: the only time the QIF files hold, and none per value.

    The MTC's file has a ReportPreparationDate; NIST's have the moment in their names. Neither says its time
    zone; both are read as UTC.
    """
    if named := re.match(r"(\d+)_(\d+)_(\d+) (\d+)_(\d+)_(\d+) (AM|PM) ", file.name):
        return datetime.strptime(" ".join(named.groups()), "%m %d %Y %I %M %S %p").replace(tzinfo=UTC)
    with file.open(encoding="utf-8", errors="replace") as opened:
        for line, text in enumerate(opened, start=1):
            if written := re.search(r"<ReportPreparationDate>([^<]*)</ReportPreparationDate>", text):
                try:
                    return utc_moment(written[1])
                except ValueError:
                    raise MalformedRow(file, line, _("the report has an unreadable date")) from None
    raise MalformedRow(file, 1, _("the report has no date"))
