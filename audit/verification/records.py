"""Are the records intact? Signatures, steps and histories against the log; one record with its proofs."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from psycopg.sql import SQL, Identifier, Literal

from audit.canonical import CANONICAL_FORM, digest, plain
from audit.checkpoint import CheckpointRefused, open_checkpoint
from audit.merkle import TiledTree, TileMissing, verify_inclusion
from audit.models import Signature, SignaturePolicy, StateChange
from audit.records import integrity_digest
from audit.sealing import StoredTiles
from audit.transitions import MACHINES, Signed, models_with_steps
from audit.verification.log import Epoch, Leaf, leaves_of
from audit.verification.replay import check_key, parsed, state_after
from audit.verification.report import MOST_FINDINGS, RECORDS, Report
from audit.verification.session import Session
from audit.verification.shipped import journalled

NOT_IN_HISTORY = {"updated_at"}


class InArchive(Exception):
    """What the log says of it is in an archive nobody gave."""


def check_signatures(session: Session, report: Report, *, record: tuple[str, str] = ("", "")) -> None:
    """Each signature, or those of one record (label, key)."""
    elsewhere = 0
    for row in _signatures(session, *record):
        try:
            for field, message in _signature_faults(session, row, report):
                report.add(RECORDS, "signature", message, Signature._meta.db_table, row["id"], field)
        except InArchive:
            elsewhere += 1
    if elsewhere:
        report.cannot(RECORDS, f"{elsewhere} signatures: their beginning is in archives that were not given")


def check_steps(session: Session, report: Report) -> None:
    """No state changed without a step that says who and why, and no step that needs a signature lacks it.

    What a step needed is what the log knew when it was taken: as many signatures, by different people, as the policy
    in force then asks for, all of the same content and under the same version of it; one at least where the code says
    that the step is always signed. Nobody takes a step while its policy is being changed (`policies.hold_still`), so
    each step is before or after each change.
    """
    if not MACHINES:
        report.cannot(RECORDS, "no state machine is loaded, so steps were not compared")
    for model, machine in models_with_steps():
        if model._meta.db_table not in journalled():
            continue
        signed = [edge.name for edge in machine.edges if edge.signed is Signed.ALWAYS]
        names = {
            "entry": session.journal, "table": Literal(model._meta.db_table),
            "steps": Literal(StateChange._meta.db_table), "label": Literal(model._meta.label_lower),
            "signed": Literal(signed), "policies": Literal(SignaturePolicy._meta.db_table),
            "signature": session.table(Signature._meta.db_table),
            "signatures": Literal(Signature._meta.db_table), "most": Literal(MOST_FINDINGS),
        }  # fmt: skip
        for key, state in session.rows(SQL(_WITHOUT_STEP).format(**names)):
            report.add(
                RECORDS, "no_evidence", f"became {state} without a recorded step", model._meta.db_table, key, "status"
            )
        for key, step, needed, given in session.rows(SQL(_WITHOUT_SIGNATURE).format(**names)):
            what = f"has {given} of {needed} signatures" if given else "has no signature"
            report.add(RECORDS, "no_signature", f"the step {step} {what}", model._meta.db_table, key, "status")


def check_histories(session: Session, report: Report) -> None:
    """Each change in the log of a record with a readable history is in that history. First versions may be imported."""
    for model in apps.get_models():
        table = model._meta.db_table
        if not hasattr(model, "history") or table not in journalled():
            continue
        names = getattr(model, "DERIVED_FIELDS", ())
        derived = {str(field.column) for field in model._meta.concrete_fields if field.name in names}
        has_versions = any(field.name == "version" for field in model._meta.concrete_fields)
        query = SQL(_WITHOUT_HISTORY if has_versions else _FEWER_IN_HISTORY).format(
            entry=session.journal,
            history=session.table(model.history.model._meta.db_table),
            key=Identifier(journalled()[table].key),
            table=Literal(table),
            derived=Literal(sorted(derived | NOT_IN_HISTORY)),
            most=Literal(MOST_FINDINGS),
        )
        for key, entry_id in session.rows(query):
            report.add(RECORDS, "no_history", f"the change of entry {entry_id} is not in its history", table, key)


def check_record(session: Session, epochs: list[Epoch], report: Report, table: str, key: str) -> None:
    """One record: its entries are in the sealed tree, it is what they say, and its signatures are of it."""
    if table not in journalled():
        report.cannot(RECORDS, f"{table} is not in the journal")
        return
    places = _places(session, table, key)
    if not places:
        report.cannot(RECORDS, f"the log has no entry of {table} {key}")
    trees = {epoch.number: (epoch, _tree(session, epoch, report)) for epoch in epochs}
    for entry_id, number, index in places:
        if number is None:
            report.remarks.append(f"Entry {entry_id} of {table} {key} is not sealed yet.")
        elif number in trees:
            _check_inclusion(session, *trees[number], entry_id, index, report, (table, key))
    check_key(session, journalled()[table], key, report, RECORDS)
    model = next((model for model in apps.get_models() if model._meta.db_table == table), None)
    if model is not None:
        _check_integrity_hash(model, key, report)
        check_signatures(session, report, record=(model._meta.label_lower, key))


def _tree(session: Session, epoch: Epoch, report: Report) -> tuple[TiledTree, bytes] | None:
    """The tree as its tiles tell it, and the root that is signed."""
    try:
        if epoch.key is None:
            raise CheckpointRefused("its key cannot be read")
        checkpoint = open_checkpoint(epoch.note, epoch.key)
    except CheckpointRefused as refused:
        report.cannot(RECORDS, f"epoch {epoch.number} has no checkpoint to prove against: {refused}")
        return None
    tiles = StoredTiles(session.connection, epoch.number, session.schema)
    return TiledTree(tiles, checkpoint.size), checkpoint.root


def _check_inclusion(
    session: Session, epoch: Epoch, tree: tuple[TiledTree, bytes] | None, entry_id: int, index: int,
    report: Report, record: tuple[str, str],
) -> None:  # fmt: skip
    if tree is None:
        return
    tiled, root = tree
    leaf: Leaf | None = next(iter(list(leaves_of(session, epoch.number, index, index + 1))), None)
    report.entries += 1
    try:
        if leaf is None or not leaf.fields:
            raise ValueError("it is gone")
        proof = tiled.inclusion_proof(index)
        if not verify_inclusion(leaf.computed(), index, tiled.size, proof, root):
            raise ValueError("it is not in the sealed tree")
    except (ValueError, TileMissing) as why:
        report.add(RECORDS, "entry_not_proven", f"entry {entry_id} is not proven: {why}", *record)


def _check_integrity_hash(model: Any, key: str, report: Report) -> None:
    record = model._base_manager.filter(pk=key).first() if hasattr(model, "data_integrity_hash") else None
    if record is not None and record.data_integrity_hash != integrity_digest(record):
        report.add(
            RECORDS, "integrity_hash", "the row is not what its hash says", model._meta.db_table, key,
            "data_integrity_hash",
        )  # fmt: skip


def _places(session: Session, table: str, key: str) -> list[tuple[int, int | None, int]]:
    query = SQL(
        "SELECT e.id, l.epoch, l.idx FROM {} e LEFT JOIN {} l ON l.entry_id = e.id AND l.tx_at = e.tx_at"
        " WHERE e.table_name = %s AND e.pk = %s ORDER BY e.id"
    ).format(session.journal, session.table("journal_leaf"))
    return [(entry, epoch, index) for entry, epoch, index in session.rows(query, table, key)]


def _signatures(session: Session, label: str, key: str) -> Iterator[dict[str, Any]]:
    query = SQL(
        "SELECT to_jsonb(s.*)::text FROM {} s WHERE %s IN ('', record_label) AND %s IN ('', record_pk) ORDER BY id"
    ).format(session.table(Signature._meta.db_table))
    with session.connection.cursor(name="signatures") as cursor:
        cursor.execute(query, [label, key])
        for (text,) in cursor:
            yield parsed(text)


def _signature_faults(session: Session, row: dict[str, Any], report: Report) -> Iterator[tuple[str, str]]:
    """(field, what is wrong) of a signature: its content, who signed, and the record it says it is of."""
    if row["canonical_form"] != CANONICAL_FORM:
        report.remarks.append(f"Signature {row['id']} has content in form {row['canonical_form']}: not compared.")
    elif digest(row["content"]) != row["digest"]:
        yield "digest", "its content is not what its digest says"
    query = SQL(
        "SELECT id, actor_id::text, request_id::text, source FROM {} e WHERE table_name = %s AND pk = %s AND op = 'I'"
    ).format(session.journal)
    made = session.rows(query, Signature._meta.db_table, row["id"])
    if not made and session.months.absent:
        raise InArchive
    if len(made) != 1:
        yield "id", "the log does not have it once" if made else "the log knows nothing of it"
        return
    entry_id, actor, request, source = made[0]
    for field, told, known in (
        ("signer_id", row["signer_id"], actor), ("act_id", row["act_id"], request), ("source", row["source"], source),
    ):  # fmt: skip
        if told != known:
            yield field, f"says {told}, the log says {known}"
    yield from _foreign_content(session, row, entry_id)


def _foreign_content(session: Session, row: dict[str, Any], entry_id: int) -> Iterator[tuple[str, str]]:
    """Whether the record, as the log knows it at that moment, is the one whose content was signed."""
    try:
        model = apps.get_model(row["record_label"])
    except LookupError:
        yield "record_label", "there is no such record type"
        return
    query = SQL(
        "SELECT id, op, old::text, new::text FROM {} e WHERE table_name = %s AND pk = %s AND id < %s ORDER BY id"
    ).format(session.journal)
    entries = session.rows(query, model._meta.db_table, row["record_pk"], entry_id)
    state = state_after(entries)
    if session.months.absent and not any(operation == "I" for _id, operation, _old, _new in entries):
        raise InArchive
    if state is None:
        yield "record_pk", "the record was not there when it was signed"
        return
    if state.get("version", row["record_version"]) != row["record_version"]:
        yield "record_version", f"the record was at version {state['version']} when it was signed"
    for name, signed in row["content"].items():
        if _differs(model, name, signed, state):
            yield f"content.{name}", "the record it names was something else when it was signed"


def _differs(model: Any, name: str, signed: Any, state: dict[str, Any]) -> bool:
    """Compared are contents that are columns of the record; others come from further tables."""
    try:
        field = model._meta.get_field(name)
        if field.is_relation or field.column not in state:
            return False
        known = field.to_python(state[field.column])
        if isinstance(field, models.DecimalField):
            return field.to_python(signed) != known
    except (FieldDoesNotExist, ValidationError):
        return False
    return plain({name: known})[name] != signed


_WITHOUT_STEP = """
    SELECT e.pk, e.new ->> 'status' FROM {entry} e
    WHERE e.table_name = {table} AND e.op = 'U' AND 'status' = ANY (e.changed) AND NOT EXISTS (
        SELECT FROM {entry} s WHERE s.table_name = {steps} AND s.op = 'I' AND s.xid = e.xid
            AND s.request_id = e.request_id AND s.new ->> 'record_label' = {label} AND s.new ->> 'record_pk' = e.pk
            AND s.new ->> 'from_state' = e.old ->> 'status' AND s.new ->> 'to_state' = e.new ->> 'status')
    ORDER BY e.id LIMIT {most}
"""
# `needed` by the policy the log knew at that moment; `given` counts people and numbers of signatures, the fewer.
# A signature from before there were policies names none: it stands for itself.
_WITHOUT_SIGNATURE = """
    SELECT step.pk, step.transition, step.needed, step.given FROM (
        SELECT s.id, s.new ->> 'record_pk' AS pk, s.new ->> 'transition' AS transition,
            greatest(coalesce(rule.signatures, 0), (s.new ->> 'transition' = ANY ({signed}))::int) AS needed,
            coalesce(signed.given, 0) AS given
        FROM {entry} s
        LEFT JOIN LATERAL (
            SELECT CASE WHEN (v.row ->> 'is_active')::boolean THEN jsonb_array_length(v.row -> 'signatures') END
                AS signatures
            FROM (SELECT k.pk FROM {entry} k WHERE k.table_name = {policies} AND k.op = 'I' AND k.id < s.id
                    AND k.new ->> 'record_label' = {label} AND k.new ->> 'transition' = s.new ->> 'transition'
                  ORDER BY k.id DESC LIMIT 1) policy
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(f.key, f.value ORDER BY p.id) AS row
                FROM {entry} p CROSS JOIN LATERAL jsonb_each(p.new) f
                WHERE p.table_name = {policies} AND p.pk = policy.pk AND p.id < s.id AND p.op IN ('I', 'U')) v
        ) rule ON true
        LEFT JOIN LATERAL (
            SELECT least(count(DISTINCT coalesce(g.new ->> 'step_no', '1')), count(DISTINCT g.new ->> 'signer_id'))
                AS given
            FROM {entry} last
            JOIN {signature} t ON t.record_label = {label} AND t.record_pk = s.new ->> 'record_pk'
            JOIN {entry} g ON g.table_name = {signatures} AND g.op = 'I' AND g.pk = t.id::text
                AND (g.pk = last.pk OR last.new ->> 'transition' <> '' AND g.id < last.id
                    AND g.new ->> 'record_pk' = last.new ->> 'record_pk'
                    AND g.new ->> 'record_label' = last.new ->> 'record_label'
                    AND g.new ->> 'transition' = last.new ->> 'transition'
                    AND g.new ->> 'digest' = last.new ->> 'digest'
                    AND g.new ->> 'policy_id' = last.new ->> 'policy_id'
                    AND g.new ->> 'policy_version' = last.new ->> 'policy_version')
            WHERE last.table_name = {signatures} AND last.op = 'I' AND last.pk = s.new ->> 'signature_id'
                AND last.xid = s.xid AND last.new ->> 'record_label' = {label}
                AND last.new ->> 'record_pk' = s.new ->> 'record_pk'
                AND coalesce(last.new ->> 'transition', '') IN ('', s.new ->> 'transition')
        ) signed ON true
        WHERE s.table_name = {steps} AND s.op = 'I' AND s.new ->> 'record_label' = {label}
    ) step
    WHERE step.given < step.needed ORDER BY step.id LIMIT {most}
"""
# Rows of a history from before it knew requests count for any. Of records without versions the changes of one request
# are counted; what is named is the last of a record with too few.
_FEWER_IN_HISTORY = """
    SELECT e.pk, max(e.id) FROM {entry} e
    WHERE e.table_name = {table} AND e.op = 'U' AND NOT e.changed <@ {derived}::text[] GROUP BY e.pk, e.request_id
    HAVING count(*) > (SELECT count(*) FROM {history} h WHERE h.{key}::text = e.pk AND h.history_type = '~'
        AND coalesce(h.act_id = e.request_id, true))
    ORDER BY 2 LIMIT {most}
"""
_WITHOUT_HISTORY = """
    SELECT e.pk, e.id FROM {entry} e
    WHERE e.table_name = {table} AND e.op = 'U' AND NOT e.changed <@ {derived}::text[] AND NOT EXISTS (
        SELECT FROM {history} h WHERE h.{key}::text = e.pk AND h.history_type = '~'
            AND h.version::text = e.new ->> 'version' AND coalesce(h.act_id = e.request_id, true))
    ORDER BY e.id LIMIT {most}
"""
