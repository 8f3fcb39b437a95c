"""What a document is made of. Every report is a list of these blocks, so that all look alike.

A cell of a table is a text, or a `Cell` with a small second line (a code, a unit) and the number of a footnote.
A page that shows what a document says draws the same blocks with `templates/reports/block.html`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from mfg_project.reports.engine import render_pdf
from mfg_project.reports.qr import qr_inline, qr_svg


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    small: str = ""
    mark: str = ""  # of a footnote
    url: str = ""  # on a page only
    loud: bool = False  # what needs a person


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    width: float = 1  # parts of what the fixed columns leave
    mm: float = 0  # a fixed width instead
    right: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    block: ClassVar[str] = "heading"
    text: str
    level: int = 1
    small: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    block: ClassVar[str] = "text"
    text: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Banner:
    """What the reader must not miss, readable in black and white."""

    block: ClassVar[str] = "banner"
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """Labels and values in two columns of pairs; a long value takes the whole width."""

    block: ClassVar[str] = "fields"
    rows: Sequence[tuple[str, Cell | str]]


@dataclass(frozen=True, slots=True)
class Table:
    block: ClassVar[str] = "table"
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell | str]]

    @property
    def labelled(self) -> list[list[tuple[Column, Cell]]]:
        """Each cell with its column, for a page."""
        cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]
        return [list(zip(self.columns, row, strict=True)) for row in cells]


@dataclass(frozen=True, slots=True)
class Card:
    """Something that stands for itself, such as a signature: a heading, and pairs below it."""

    block: ClassVar[str] = "card"
    title: str
    rows: Sequence[tuple[str, str]]
    banner: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: str
    notes: Sequence[str] = ()  # how it comes about


@dataclass(frozen=True, slots=True)
class Figures:
    """A few numbers side by side."""

    block: ClassVar[str] = "figures"
    items: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Code:
    """A text as a QR code, and beside it in words. `about` says what it is good for."""

    block: ClassVar[str] = "code"
    text: str
    label: str
    rows: Sequence[tuple[str, str]]
    about: str

    @property
    def inline(self) -> str:
        """The code drawn for a page."""
        return qr_inline(self.text)


@dataclass(frozen=True, slots=True)
class NewPage:
    """What follows begins on a sheet of its own, with a title of its own."""

    block: ClassVar[str] = "page"
    title: str


Block = Heading | Text | Banner | Fields | Table | Card | Figures | Code | NewPage


@dataclass(frozen=True, slots=True)
class Document:
    title: str
    kind: str  # above the title and on each page: what sort of document this is
    identification: str  # on each page: which one
    made: str  # on each page: by whom, when, from what
    blocks: Sequence[Block] = field(default_factory=list)


def pdf_of(document: Document, *, at: dt.datetime) -> bytes:
    """In the language that is active."""
    data = {
        "title": document.title,
        "kind": document.kind,
        "identification": document.identification,
        "made": document.made,
        "language": (get_language() or "en").partition("-")[0],
        "page_of": _("Page {page} of {pages}"),
        "blocks": [_data(block) for block in document.blocks],
    }
    return render_pdf("document.typ", data, at=at)


def _data(block: Block) -> dict[str, Any]:
    drawn = {"svg": qr_svg(block.text)} if isinstance(block, Code) else {}
    return {"block": block.block} | asdict(block) | drawn
