"""Puts the copy together: what people read, what machines read, and what proves it (docs/export-format.md)."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.utils.translation import gettext as _

from audit.bundle import BundleWriter, Output, consistency_line, inclusion_lines, lines
from audit.canonical_entry import entry_line
from audit.models import JournalEntry, Signature
from audit.queries import sealed
from audit.queries.archives import older_entries
from audit.verification.shipped import journalled
from mfg_project.trail.bundle.counts import Counts, counts_of
from mfg_project.trail.bundle.evidence import signed
from mfg_project.trail.bundle.machine import record_json
from mfg_project.trail.bundle.paper import record_pdfs
from mfg_project.trail.bundle.record import Exported, RecordCopy
from mfg_project.trail.names import column_label, table_label

MOST_WITNESSES = 100


def write_bundle(output: Output, copy: RecordCopy, exported: Exported) -> Counts:
    """Inside a snapshot, so that all files tell of the same moment."""
    counts = counts_of(copy)
    logs = sealed.logs_of(copy.entry_ids)
    signatures = signed(list(copy.signatures()))
    left_out = list(_left_out(copy, counts, logs))
    with BundleWriter(output) as bundle:
        bundle.counts = counts.for_manifest()
        for number, pdf in enumerate(record_pdfs(copy, signatures, exported, counts, left_out), 1):
            bundle.add("record.pdf" if number == 1 else f"record-{number}.pdf", [pdf])
        bundle.add("record.json", record_json(copy, signatures, exported, counts, left_out))
        for log in reversed(logs):
            _add_proofs(bundle, "" if log is logs[-1] else f"earlier/{log.epoch}/", log, copy, exported)
    return counts


def _add_proofs(bundle: BundleWriter, folder: str, log: sealed.SealedLog, copy: RecordCopy, exported: Exported) -> None:
    witnesses = _witnesses(log, copy, exported)
    bundle.add(f"{folder}checkpoint.txt", [log.note.encode()])
    bundle.add(f"{folder}public_key.txt", [f"{log.public_key}\n".encode()])
    for size, note in witnesses.items():
        bundle.add(f"{folder}witness/{size}.txt", [note.encode()])
    bundle.add(f"{folder}entries.ndjson", lines(map(entry_line, sealed.entries_in(log, copy.entry_ids))))
    bundle.add(f"{folder}proofs.ndjson", lines(_proofs(log, copy, [*witnesses])))


def _proofs(log: sealed.SealedLog, copy: RecordCopy, witnesses: list[int]) -> Iterator[str]:
    tree = log.tree
    grown = (consistency_line(tree, size, log.size) for size in witnesses)
    return chain(grown, inclusion_lines(tree, sealed.leaves_in(log, copy.entry_ids), log.size))


def _witnesses(log: sealed.SealedLog, copy: RecordCopy, exported: Exported) -> dict[int, str]:
    """Checkpoints that first held the record, each signature, and the last entry; and those the reader has."""
    keys = [str(key) for key in copy.signatures().values_list("pk", flat=True)[:MOST_WITNESSES]]
    of_signatures = JournalEntry.objects.filter(table_name=Signature._meta.db_table, pk_text__in=keys, op="I")
    told = [*copy.entry_ids[:1], *copy.entry_ids[-1:], *of_signatures.values_list("id", flat=True)]
    found = sealed.first_checkpoints_with(log, told) | sealed.checkpoints_of(log, exported.holds)
    found.pop(log.size, None)  # that one is checkpoint.txt itself
    return dict(sorted(found.items()))


def _left_out(copy: RecordCopy, counts: Counts, logs: list[Any]) -> Iterator[str]:
    """Said in the copy itself, so that nobody takes it for more than it is."""
    for model, _keys in copy.members:
        journal = journalled().get(model._meta.db_table)
        if journal is None:
            continue
        for column in journal.ignored:
            said = {"type": table_label(journal.table), "field": column_label(model, column)}
            yield _("%(type)s, %(field)s: not journalled, as it says nothing of the record.") % said
        for column in journal.digested:
            said = {"type": table_label(journal.table), "field": column_label(model, column)}
            yield _("%(type)s, %(field)s: only its digest is kept and shown.") % said
    yield _("Key figures and sign-in sessions are no records and are not journalled.")
    if archived := older_entries():
        said = {"before": f"{archived.before:%Y-%m-%d}", "names": ", ".join(archived.names)}
        text = _("Entries from before %(before)s are in the archives of the journal (%(names)s), not in this file.")
        yield text % said
    if not logs:
        yield _("The journal of this plant is not sealed yet: nothing in this file proves the entries.")
    if counts.pending:
        yield _("Entries that wait for their seal are in record.json, and not in entries.ndjson.")
