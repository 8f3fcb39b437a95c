"""record.pdf: the copy as a person reads it. What does not fit into one file of a bearable size goes on in the next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mfg_project.common.formats import UNKNOWN, number
from mfg_project.reports.document import (
    Banner,
    Block,
    Card,
    Cell,
    Column,
    Document,
    Fields,
    Heading,
    Table,
    Text,
    pdf_of,
)
from mfg_project.trail.bundle.counts import Counts
from mfg_project.trail.bundle.evidence import Signed, content_fields, signature_fields, state_names
from mfg_project.trail.bundle.record import Exported, PartKeys, RecordCopy
from mfg_project.trail.bundle.rows import BATCH, Correction, Event, Row, Shown
from mfg_project.trail.names import table_label
from mfg_project.trail.paper import trail_table, utc, utc_and_plant
from mfg_project.trail.rows import BOOKKEEPING

MOST_LINES = 2_500  # of tables in one file: so many take the typesetter 2 s and 300 MB
MOST_NOTES = 20  # of one value; the others are in the audit trail
FEW_ROWS, MANY_VALUES = 12, 7  # a few rows with many values are listed one below the other
MOST_COLUMNS = 7


@dataclass(slots=True)
class Notes:
    """Footnotes: values that were changed after they were first entered, numbered through the whole copy."""

    last: int = 0

    def mark(self, corrections: Sequence[Correction]) -> tuple[dict[str, str], list[list[Cell | str]]]:
        """Column -> number of its footnote, and the footnotes as lines of a table."""
        marks: dict[str, str] = {}
        lines: list[list[Cell | str]] = []
        by_column: dict[str, list[Correction]] = {}
        for correction in corrections:
            by_column.setdefault(correction.column, []).append(correction)
        for column, some in by_column.items():
            self.last += 1
            marks[column] = str(self.last)
            for correction in some[-MOST_NOTES:]:
                lines.append(_note(marks[column], correction))
            if len(some) > MOST_NOTES:
                more = _("%(count)s earlier changes are in the audit trail.") % {"count": len(some) - MOST_NOTES}
                lines.append([marks[column], some[0].label, more, "", "", ""])
        return marks, lines


def record_pdfs(
    copy: RecordCopy, signatures: list[Signed], exported: Exported, counts: Counts, left_out: list[str]
) -> Iterator[bytes]:
    blocks = list(_blocks(copy, signatures, exported, counts, left_out))
    volumes = list(split(blocks, MOST_LINES))
    for part, some in enumerate(volumes, 1):
        yield pdf_of(_document(copy, exported, some, part, len(volumes)), at=exported.at)


def _document(copy: RecordCopy, exported: Exported, blocks: Sequence[Block], part: int, parts: int) -> Document:
    version = copy.row.version
    said = {"who": exported.by, "when": utc_and_plant(exported.at), "app": exported.version}
    made = _("Exported by %(who)s on %(when)s with Genba %(app)s") % said
    identification = f"{copy.row.name} · {copy.table} {copy.key}"
    if version is not None:
        identification += " · " + _("version %(version)s") % {"version": version}
    if parts > 1:
        identification += " · " + _("part %(part)s of %(parts)s") % {"part": part, "parts": parts}
    kind = _("Copy of a record: %(type)s") % {"type": table_label(copy.table)}
    return Document(copy.row.name, kind, identification, made, blocks)


def _blocks(
    copy: RecordCopy, signatures: list[Signed], exported: Exported, counts: Counts, left_out: list[str]
) -> Iterator[Block]:
    notes = Notes()
    yield from _banners(copy, signatures, counts)
    yield _about(copy, exported, counts)
    yield Heading(_("Content"))
    yield from _one(copy.row, notes)
    yield from _signatures(signatures)
    yield from _states(copy)
    for part in copy.parts:
        yield from _part(part, notes)
    yield from _trail(copy)
    yield Heading(_("What this copy does not hold"))
    for text in left_out:
        yield Text(text)
    yield Text(_("Of parts listed in tables, who changed them last and their digests are in record.json only."))


def _banners(copy: RecordCopy, signatures: list[Signed], counts: Counts) -> Iterator[Block]:
    if copy.row.gone:
        yield Banner(_("This record is no longer there. Shown is what it last was."), _event(copy.row.gone))
    if copy.differing:
        yield Banner(_("The record differs from the journal: it was changed past it."), ", ".join(copy.differing))
    for each in signatures:
        if each.differs:
            who = f"{each.signature.signer_name} · {each.meaning} · {utc(each.signature.signed_at)}"
            yield Banner(_("The content differs from what was signed."), f"{who}\n{_changes(each)}")
    if copy.unseen:
        text = ngettext(
            "Not complete: %(n)s row is of lines this account does not work on.",
            "Not complete: %(n)s rows are of lines this account does not work on.",
            copy.unseen,
        )
        yield Banner(text % {"n": copy.unseen})
    if counts.pending:
        text = ngettext(
            "%(n)s entry of the journal was not sealed yet: nothing in this file proves it.",
            "%(n)s entries of the journal were not sealed yet: nothing in this file proves them.",
            counts.pending,
        )
        yield Banner(text % {"n": counts.pending})


def _changes(each: Signed) -> str:
    return "\n".join(f"{change.label}: {change.signed} → {change.now}" for change in each.changes)


def _about(copy: RecordCopy, exported: Exported, counts: Counts) -> Block:
    rows: list[tuple[str, Cell | str]] = [
        (_("Type"), Cell(table_label(copy.table), copy.table)),
        (_("Record key"), copy.key),
        (_("Record version"), str(copy.row.version) if copy.row.version is not None else UNKNOWN),
        (_("First entered"), _event(copy.row.recorded) or _("before the journal began")),
        (_("Exported by"), Cell(exported.by, exported.by_key)),
        (_("Exported on"), utc_and_plant(exported.at)),
        (_("Electronic signatures"), number(counts.signatures)),
        (_("Entries of the journal"), _("%(all)s, %(sealed)s of them sealed")
         % {"all": number(counts.entries), "sealed": number(counts.sealed)}),
    ]  # fmt: skip
    for label, there, gone in counts.lines()[1:]:
        text = number(there)
        if gone:
            text += " · " + _("%(count)s deleted") % {"count": number(gone)}
        rows.append((label, text))
    return Fields(rows)


def _one(row: Row, notes: Notes) -> Iterator[Block]:
    """Every value of one row, what is about the version itself last, and its footnotes."""
    marks, lines = notes.mark(row.corrections)
    values = sorted(row.values, key=lambda shown: shown.column in BOOKKEEPING)
    yield Fields([(shown.label, _cell(shown, marks)) for shown in values])
    yield from _notes(lines)


def _notes(lines: list[list[Cell | str]]) -> Iterator[Block]:
    if lines:
        yield Heading(_("Changed since the original entry"), 3)
        yield Table(
            [
                Column(_("No."), mm=8),
                Column(_("Field"), 1.1),
                Column(_("Old value"), 1.3),
                Column(_("New value"), 1.3),
                Column(_("By"), 1.4),
                Column(_("Reason"), 1.6),
            ],
            lines,
        )


def _note(mark: str, correction: Correction) -> list[Cell | str]:
    event = correction.event
    return [
        mark,
        correction.label,
        Cell(correction.old.with_unit, correction.old.code),
        Cell(correction.new.with_unit, correction.new.code),
        Cell(event.by, utc_and_plant(event.at)),
        Cell(event.reason, event.step),
    ]


def _cell(shown: Shown, marks: dict[str, str]) -> Cell:
    return Cell(shown.with_unit, shown.code, marks.get(shown.column, ""))


def _signatures(signatures: list[Signed]) -> Iterator[Block]:
    yield Heading(_("Electronic signatures"), small=str(len(signatures)))
    if not signatures:
        yield Text(_("None."), quiet=True)
    for each in signatures:
        rows = [(label, text or UNKNOWN) for _name, label, text in signature_fields(each)]
        rows.append((_("Signed content"), "\n".join(f"{label}: {text}" for label, text in content_fields(each))))
        banner = f"{each.verdict}\n{_changes(each)}".strip() if each.differs else ""
        yield Card(f"{each.meaning} · {each.signature.signer_name}", rows, banner)


def _states(copy: RecordCopy) -> Iterator[Block]:
    changes = list(copy.state_changes().select_related("signature"))
    if not changes:
        return
    yield Heading(_("History of states"), small=str(len(changes)))
    columns = [
        Column(_("Took effect at"), mm=34),
        Column(_("Record"), 1.4),
        Column(_("From → to"), 1.5),
        Column(_("By"), 1.2),
        Column(_("Reason"), 1.5),
        Column(_("Signature"), 1),
    ]
    lines: list[list[Cell | str]] = []
    for change, name, old, new in state_names(changes):
        signature = change.signature
        lines.append(
            [
                utc_and_plant(change.occurred_at),
                name,
                Cell(f"{old or UNKNOWN} → {new}", f"{change.transition}: {change.from_state} → {change.to_state}"),
                Cell(change.actor_name, change.source),
                change.reason,
                Cell(signature.signer_name, str(signature.pk)) if signature else "",
            ]
        )
    yield Table(columns, lines)


def _part(part: PartKeys, notes: Notes) -> Iterator[Block]:
    rows = list(part.rows())
    small = number(len(rows))
    if part.gone:
        small += " · " + _("%(count)s deleted") % {"count": number(part.gone)}
    yield Heading(table_label(part.model._meta.db_table), small=small)
    if not rows:
        yield Text(_("None."), quiet=True)
    elif len(rows) == 1 or (len(rows) <= FEW_ROWS and len(_varying(rows)) > MANY_VALUES):
        for row in rows:
            yield Heading(row.name, 2, small=_state_of(row))
            yield from _one(row, notes)
    else:
        yield from _listed(rows, notes)


def _state_of(row: Row) -> str:
    said = [_("deleted: %(event)s") % {"event": _event(row.gone)}] if row.gone else []
    return " · ".join(
        [*said, _("first entered: %(event)s") % {"event": _event(row.recorded)}] if row.recorded else said
    )


def _varying(rows: Sequence[Row]) -> list[str]:
    """Columns in which the rows differ."""
    seen: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        for shown in row.values:
            if shown.column not in BOOKKEEPING:
                seen.setdefault(shown.column, set()).add((shown.with_unit, shown.code))
    return [column for column, values in seen.items() if len(values) > 1]


def _listed(rows: Sequence[Row], notes: Notes) -> Iterator[Block]:
    """A line for each row. What is the same for all is said once; what has no place is in a column of its own."""
    varying = _varying(rows)
    columns, crowded = varying[:MOST_COLUMNS], varying[MOST_COLUMNS:]
    first = {shown.column: shown for shown in rows[0].values}
    same = [shown for column, shown in first.items() if column not in varying and column not in BOOKKEEPING]
    if same:
        said = "; ".join(f"{shown.label}: {_worded(shown)}" for shown in same)
        yield Text(_("The same for all: %(values)s") % {"values": said}, quiet=True)
    labels = {shown.column: shown.label for row in rows for shown in row.values}
    head = [Column(_("No."), mm=9, right=True), *(Column(labels[column], _width(column, rows)) for column in columns)]
    head += [Column(_("Other values"), 1.6)] if crowded else []
    lines, footnotes = [], []
    for position, row in enumerate(rows, 1):
        marks, some = notes.mark(row.corrections)
        footnotes += some
        lines.append(_line(position, row, columns, crowded, marks))
    yield Table([*head, Column(_("First entered"), mm=46)], lines)
    yield from _notes(footnotes)


def _line(position: int, row: Row, columns: list[str], crowded: list[str], marks: dict[str, str]) -> list[Cell | str]:
    values = {shown.column: shown for shown in row.values}
    cells: list[Cell | str] = [str(position)]
    cells += [_cell(values[column], marks) if column in values else UNKNOWN for column in columns]
    if crowded:
        some = [values[column] for column in crowded if column in values and values[column].raw not in (None, "")]
        cells.append("; ".join(f"{s.label}: {_worded(s)}{_marked(marks, s)}" for s in some))
    rest = [shown for shown in row.values if shown.column in BOOKKEEPING and shown.column not in ("id", "created_at")]
    entered = _event(row.recorded) or _("before the journal began")
    if row.gone:
        entered = _("DELETED: %(event)s") % {"event": _event(row.gone)} + "\n" + entered
    about = [row.key, *(f"{s.label}: {_worded(s)}" for s in rest if s.raw is not None and s.column == "version")]
    return [*cells, Cell(entered, " · ".join(about))]


def _marked(marks: dict[str, str], shown: Shown) -> str:
    return f" [{marks[shown.column]}]" if shown.column in marks else ""


def _worded(shown: Shown) -> str:
    return f"{shown.with_unit} ({shown.code})" if shown.code else shown.with_unit


def _width(column: str, rows: Sequence[Row]) -> float:
    """In proportion to the longest text, within reason."""
    longest = max(
        len(shown.with_unit) for row in rows[:BATCH] for shown in row.values if shown.column == column
    ) if rows else 1  # fmt: skip
    return min(max(longest, 6), 24) / 12


def _trail(copy: RecordCopy) -> Iterator[Block]:
    entries = list(copy.telling_entries())
    yield Heading(_("Audit trail"), small=number(len(entries)))
    quiet = len(copy.entry_ids) - len(entries)
    if quiet:
        text = ngettext(
            "%(n)s more entry tells of what is listed above or carries a sum forward; record.json has it.",
            "%(n)s more entries tell of what is listed above or carry sums forward; record.json has them.",
            quiet,
        )
        yield Text(text % {"n": number(quiet)}, quiet=True)
    yield trail_table(entries)


def _event(event: Event | None) -> str:
    if event is None:
        return ""
    return " · ".join(filter(None, [event.by, utc_and_plant(event.at), event.reason]))


def split(blocks: Sequence[Block], most: int) -> Iterator[list[Block]]:
    """Into documents whose tables have at most `most` lines together; a table that is cut keeps its heading."""
    some: list[Block] = []
    room, heading = most, Heading("")
    for block in blocks:
        if isinstance(block, Heading):
            heading = block
        if not isinstance(block, Table):
            some.append(block)
            continue
        rows = list(block.rows)
        while len(rows) > room:
            if room:
                some.append(replace(block, rows=rows[:room]))
            yield some
            some = [replace(heading, small=_("continued"))]
            rows, room = rows[room:], most
        some.append(replace(block, rows=rows))
        room -= len(rows)
    yield some
