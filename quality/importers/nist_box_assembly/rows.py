"""Reading one file of the data set row by row, with every fault named by file and line."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

from django.utils.translation import gettext as _

Converted = TypeVar("Converted")


class MalformedRow(ValueError):
    """A row that cannot be read for what it claims to be; says in which file and line."""

    def __init__(self, file: Path, line: int, message: str) -> None:
        self.file, self.line, self.message = file, line, message
        super().__init__(_("%(file)s line %(line)d: %(message)s") % self.__dict__)


class Row:
    """One CSV row that knows where it stands."""

    def __init__(self, file: Path, line: int, cells: dict[str, str]) -> None:
        self.file, self.line, self._cells = file, line, cells

    def malformed(self, message: str) -> MalformedRow:
        return MalformedRow(self.file, self.line, message)

    def text(self, column: str) -> str:
        return self._cells[column]

    def choice(self, column: str, allowed: tuple[str, ...]) -> str:
        found = self._cells[column]
        if found not in allowed:
            raise self.malformed(
                _("%(column)s is “%(found)s”, expected one of %(allowed)s")
                % {"column": column, "found": found, "allowed": ", ".join(allowed)}
            )
        return found

    def integer(self, column: str) -> int:
        return self._convert(column, int)

    def decimal(self, column: str) -> Decimal:
        return self._convert(column, finite_decimal)

    def optional_decimal(self, column: str) -> Decimal | None:
        return self.decimal(column) if self._cells[column] else None

    def moment(self, column: str) -> datetime:
        return self._convert(column, utc_moment)

    def _convert(self, column: str, convert: Callable[[str], Converted]) -> Converted:
        try:
            return convert(self._cells[column])
        except (ValueError, InvalidOperation):
            raise self.malformed(
                _("%(column)s is not readable: “%(found)s”") % {"column": column, "found": self._cells[column]}
            ) from None


def finite_decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def utc_moment(text: str) -> datetime:
    """A time of the data set, which is UTC; whole microseconds, as the database keeps them."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def csv_rows(file: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV file that must have exactly these columns in this order."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened, strict=True)
        try:
            header = next(reader, [])
            if tuple(header) != columns:
                raise MalformedRow(file, 1, _("the columns are not the expected ones"))
            for cells in reader:
                if len(cells) != len(columns):
                    raise MalformedRow(
                        file,
                        reader.line_num,
                        _("%(found)d columns, expected %(expected)d") % {"found": len(cells), "expected": len(columns)},
                    )
                yield Row(file, reader.line_num, dict(zip(columns, cells, strict=True)))
        except (csv.Error, UnicodeDecodeError) as fault:
            raise MalformedRow(file, reader.line_num + 1, str(fault)) from fault
