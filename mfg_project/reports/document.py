"""What a document is made of. Every report is a list of these blocks, so that all look alike.

A cell of a table is a text, or a `Cell` with a small second line (a code, a unit) and the number of a footnote.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from mfg_project.reports.engine import render_pdf


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    small: str = ""
    mark: str = ""  # of a footnote


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


@dataclass(frozen=True, slots=True)
class Card:
    """Something that stands for itself, such as a signature: a heading, and pairs below it. Never broken in two."""

    block: ClassVar[str] = "card"
    title: str
    rows: Sequence[tuple[str, str]]
    banner: str = ""


Block = Heading | Text | Banner | Fields | Table | Card


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
        "blocks": [{"block": block.block} | asdict(block) for block in document.blocks],
    }
    return render_pdf("document.typ", data, at=at)
