"""Verification of a real, sealed plant: intact as it is, and each attack is named."""

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import connections

from audit import records, sealing
from audit.checkpoint import SigningKey
from audit.context import act_as
from audit.journal import change
from audit.models import Signature, VerificationRun
from audit.queries.integrity import differs_from_journal
from audit.queries.verification import last_run
from audit.tasks import verify_journal
from audit.verification.report import ALTERED, INTACT, QUESTIONS, UNCHECKED
from audit.verification.verify import verify
from audit.witness import publish
from equipment.models import ProductionLine
from production.models import WorkOrder
from production.services.work_orders import hold_work_order
from tests import factories
from tests.audit.journal import ACT, SAY, full_plant
from tests.audit.sealed import KEY, as_administrator, codes, found, seal_everything, told
from tests.audit.test_signing_policy import policy, sign
from tests.database import database

pytestmark = pytest.mark.django_db(transaction=True)
LINES, ORDERS = ProductionLine._meta.db_table, WorkOrder._meta.db_table
SEALS = ("journal_node", "journal_leaf", "journal_checkpoint", "journal_epoch")


@pytest.fixture
def seen(tmp_path):
    """The witness."""
    return tmp_path / "witness.txt"


@pytest.fixture
def plant(as_admin, seen):
    made = full_plant()
    seal_everything(seen)
    return made


def exit_code(*arguments: str) -> int:
    try:
        call_command("audit_verify", *arguments)
    except SystemExit as end:
        return int(end.code)
    return 0


# --- As it is ----------------------------------------------------------------------------------------------


def test_a_plant_as_it_is_is_intact(plant, seen):
    report = verify(witness=[seen], keys=[KEY.public])

    assert report.exit_code == 0, told(report)
    assert {name: report.verdict(name) for name in QUESTIONS} == dict.fromkeys(QUESTIONS, INTACT)
    assert report.entries == report.size > 100
    assert verify(witness=[seen], quick=True).exit_code == 0
    assert exit_code("--witness", str(seen)) == 0
    assert exit_code("--record", ORDERS, str(plant.running.pk)) == 0


def test_what_writers_with_long_transactions_wrote_is_sealed_once(as_admin, seen):
    factories.plant()

    def write(name: str, go_on: threading.Event) -> None:
        with act_as(as_admin, source="test"):
            for n in range(3):
                with change("write"):
                    factories.line(f"{name}{n}")
                    go_on.wait(0.2 if n else 1)
        connections.close_all()

    go_on = threading.Event()
    writers = [threading.Thread(target=write, args=(name, go_on)) for name in "ABCD"]
    for writer in writers:
        writer.start()
    with database.psycopg("sealer") as connection:
        connection.autocommit = True
        while any(writer.is_alive() for writer in writers):
            for sealed in sealing.seal_all(connection, KEY):
                publish(sealed.note, [seen])
            go_on.wait(0.02)
    seal_everything(seen)

    report = verify(witness=[seen])
    assert report.exit_code == 0, told(report)
    with database.psycopg("auditor") as connection:
        (same,) = connection.execute(
            "SELECT (SELECT array_agg(id ORDER BY id) FROM journal_entry)"
            " = (SELECT array_agg(entry_id ORDER BY entry_id) FROM journal_leaf)"
        ).fetchone()
    assert same


# --- Rows ----------------------------------------------------------------------------------------------------


def test_a_row_changed_with_triggers_off_is_named(plant, seen):
    line = ProductionLine.objects.first()
    assert differs_from_journal(line) == []

    as_administrator(f"UPDATE {LINES} SET line_name = 'Forged' WHERE id = %(id)s", id=line.pk)

    report = verify(witness=[seen])
    assert found(report) == {("field_differs", LINES, str(line.pk), "line_name")}
    assert (report.verdict("log"), report.verdict("database")) == (INTACT, ALTERED)
    assert [field.name for field in differs_from_journal(line)] == ["line_name"]
    assert exit_code("--tables", LINES) == 1
    assert exit_code("--record", LINES, str(line.pk)) == 1


def test_a_change_past_the_log_shows_after_the_next_change_too(plant, seen):
    line = ProductionLine.objects.first()
    as_administrator(f"UPDATE {LINES} SET line_name = 'Forged' WHERE id = %(id)s", id=line.pk)
    line.refresh_from_db()
    records.update(line, line_name="Renamed", reason="Renamed after the move")
    seal_everything(seen)

    report = verify(witness=[seen])
    assert found(report) == {("unlogged_change", LINES, str(line.pk), "line_name")}, told(report)


def test_rows_added_and_taken_away_past_the_log_are_named(plant, seen):
    pk = "01900000-0000-7000-8000-0000000000aa"
    as_administrator(
        "INSERT INTO audit_securityevent (at, kind, source, station, name_typed, detail, act_id, user_id)"
        " SELECT now(), kind, 'web', '', '', '', %(pk)s, user_id FROM audit_securityevent LIMIT 1",
        "DELETE FROM audit_securityevent WHERE id = (SELECT min(id) FROM audit_securityevent)",
        pk=pk,
    )

    assert codes(verify(witness=[seen])) == {"row_extra", "row_missing"}


def test_a_signature_copied_to_another_record_with_triggers_off(plant, seen):
    as_administrator(_copy_signature("gen_random_uuid()"), pk=str(plant.planned.pk))

    assert {"signature", "row_extra"} <= codes(verify(witness=[seen]))


def _copy_signature(key: str) -> str:
    """Every column as it is, but for the record it is of."""
    changed = {"id": key, "record_pk": "%(pk)s"}
    columns = [field.column for field in Signature._meta.concrete_fields]
    shown = ", ".join(changed.get(column, column) for column in columns)
    return f"INSERT INTO audit_signature ({', '.join(columns)}) SELECT {shown} FROM audit_signature LIMIT 1"


def test_a_signature_copied_to_another_record_through_the_journal(plant, seen):
    """Whoever has the application's password can claim any name; the content is of the other order all the same."""
    with database.psycopg("app") as app:
        act = (
            "SELECT set_config('genba.act', (SELECT jsonb_build_object('actor', actor_id, 'type', actor_type, 'name',"
            " actor_name, 'code', reason_code, 'reason', reason, 'request', request_id, 'source', source, 'version',"
            " '0')"
            " FROM journal_entry WHERE table_name = 'audit_signature' LIMIT 1)::text, true)"
        )
        app.execute(act)
        app.execute(_copy_signature("gen_random_uuid()"), {"pk": str(plant.planned.pk)})
    seal_everything(seen)

    report = verify(witness=[seen])
    assert {each.code for each in report.findings} == {"signature"}, told(report)
    assert {"content.work_order_number"} <= {each.field for each in report.findings}
    assert report.verdict("records") == ALTERED


def test_a_step_by_raw_sql_has_no_evidence(plant, seen):
    """The database refuses it; who takes that guard off for a moment is found."""
    with database.psycopg("admin") as admin:
        admin.execute(f"ALTER TABLE {ORDERS} DISABLE TRIGGER status_evidence")
        admin.execute(SAY, [ACT])
        admin.execute(
            f"UPDATE {ORDERS} SET status = 'completed', version = version + 1 WHERE id = %s", [plant.planned.pk]
        )
        admin.execute(f"ALTER TABLE {ORDERS} ENABLE ALWAYS TRIGGER status_evidence")
    seal_everything(seen)

    report = verify(witness=[seen])
    assert ("no_evidence", ORDERS, str(plant.planned.pk), "status") in found(report)
    assert ("no_history", ORDERS, str(plant.planned.pk), "") in found(report)


def test_what_a_step_needed_is_what_the_policy_asked_for_then(plant, as_admin, seen):
    """Held before the policy: nothing was asked. After it: by two people, or it is a finding."""
    before, by_two, past_the_code = (factories.work_order(plant.plant, status="planned") for _ in range(3))
    hold_work_order(work_order_id=before.pk, reason="Wrong drawing")
    both = [{"meanings": ["verified"], "roles": ["qa_manager"]}, {"meanings": ["authorised"], "roles": ["supervisor"]}]
    policy("hold", both)
    for role, meaning in (("qa_manager", "verified"), ("supervisor", "authorised")):
        sign(factories.user(role), by_two, meaning, of="hold", comment="Wrong drawing")
    _order, first = sign(factories.user("qa_manager"), past_the_code, "verified", of="hold", comment="Wrong drawing")
    _hold_past_the_code(past_the_code, first)
    seal_everything(seen)

    report = verify(witness=[seen])

    lacking = [finding for finding in report.findings if finding.code == "no_signature"]
    assert [(finding.key, finding.message) for finding in lacking] == [
        (str(past_the_code.pk), "the step hold has no signature")
    ]


def _hold_past_the_code(order, signature) -> None:
    """As the application's role, with evidence that names a signature of another act."""
    with database.psycopg("app") as app:
        app.execute(SAY, [ACT])
        app.execute(f"UPDATE {ORDERS} SET status = 'on_hold', version = version + 1 WHERE id = %s", [order.pk])
        app.execute(
            "INSERT INTO audit_statechange (occurred_at, record_label, record_pk, transition, from_state, to_state,"
            " actor_id, actor_name, source, act_id, reason, signature_id) SELECT now(), 'production.workorder', %s,"
            " 'hold', 'planned', 'on_hold', %s, 'x', 'psql', %s, 'x', %s",
            [str(order.pk), signature.signer_id, signature.act_id, signature.pk],
        )


def test_a_change_without_its_history_row_is_a_finding(plant, seen):
    with change("update_record", "Renamed in bulk"):
        ProductionLine.objects.filter(pk=plant.plant.line.pk).update(line_name="In bulk")
    seal_everything(seen)

    assert found(verify(witness=[seen])) == {("no_history", LINES, str(plant.plant.line.pk), "")}


def test_a_history_row_of_another_request_is_not_the_one_of_the_change(plant, as_admin, seen):
    line = plant.plant.line
    with change("update_record", "Renamed in bulk"):
        ProductionLine.objects.filter(pk=line.pk).update(line_name="In bulk", version=line.version + 1)
    line.refresh_from_db()
    with act_as(as_admin, source="test"), change("update_record", "Made to look right"):
        ProductionLine.history.model.objects.create(
            **{f.attname: getattr(line, f.attname) for f in ProductionLine._meta.concrete_fields},
            history_date=line.updated_at, history_type="~",
        )  # fmt: skip
    seal_everything(seen)

    assert found(verify(witness=[seen])) == {("no_history", LINES, str(line.pk), "")}


# --- The log -------------------------------------------------------------------------------------------------


def an_entry() -> tuple[int, str]:
    with database.psycopg("admin") as admin:
        return admin.execute(
            "SELECT id, pk FROM journal_entry WHERE table_name = %s AND op = 'I' ORDER BY id LIMIT 1", [LINES]
        ).fetchone()


def test_an_entry_altered_is_named(plant, seen):
    entry, key = an_entry()
    as_administrator('UPDATE journal_entry SET new = new || \'{"line_name": "Forged"}\' WHERE id = %(id)s', id=entry)

    report = verify(witness=[seen])
    assert ("entry_altered", LINES, key, "") in found(report)
    assert ("field_differs", LINES, key, "line_name") in found(report)
    assert verify(record=(LINES, key)).exit_code == 1


def test_an_entry_removed_is_named(plant, seen):
    entry, key = an_entry()
    as_administrator("DELETE FROM journal_entry WHERE id = %(id)s", id=entry)

    assert ("entry_removed", "journal_entry", str(entry), "") in found(verify(witness=[seen]))
    assert verify(record=(LINES, key)).exit_code == 1


def test_an_entry_smuggled_in_below_what_is_sealed_is_named(plant, seen):
    columns = (
        "xid, at, tx_at, op, schema_name, table_name, pk, old, new, changed, actor_id, actor_type, actor_name,"
        " on_behalf_of, reason_code, reason, request_id, station, source, app_version, db_user, compliance_flags"
    )
    entry, key = an_entry()
    as_administrator(
        f"INSERT INTO journal_entry ({columns}) SELECT {columns} FROM journal_entry WHERE id = %(id)s", id=entry
    )

    assert ("entry_smuggled_in", LINES, key, "") in found(verify(witness=[seen]))


def test_entry_and_leaf_altered_together_leave_another_root(plant, seen):
    entry, _key = an_entry()
    as_administrator(
        "UPDATE journal_entry SET reason = 'Forged' WHERE id = %(id)s",
        "UPDATE journal_leaf l SET hash = journal_leaf_hash(e) FROM journal_entry e"
        " WHERE e.id = l.entry_id AND e.id = %(id)s",
        id=entry,
    )

    assert {"root_differs"} <= codes(verify()) <= {"root_differs", "node_altered"}


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM journal_leaf WHERE idx = 7", "leaf_removed"),
        ("UPDATE journal_node SET hash = sha256('') WHERE level = 1 AND idx = 0", "node_altered"),
        ("DELETE FROM journal_node", "node_altered"),
        ("UPDATE journal_checkpoint SET root = sha256('')", "checkpoint_altered"),
        ("UPDATE journal_checkpoint SET note = replace(note, 'horizon', 'horizom')", "checkpoint_signature"),
        ("UPDATE journal_epoch SET system_identifier = '1'", "other_cluster"),
        ("UPDATE journal_epoch SET follows = 'x'", "epoch_link"),
        ("UPDATE journal_epoch SET public_key = 'x'", "epoch_key"),
        ("UPDATE journal_leaf SET entry_id = (SELECT entry_id FROM journal_leaf WHERE idx = 3) WHERE idx = 4",
         "sealed_twice"),
    ],
)  # fmt: skip
def test_seals_altered_are_found(plant, seen, statement, code):
    as_administrator(statement)

    assert code in codes(verify())


def test_the_newest_rows_removed_with_their_seals_are_missed_by_the_witness(plant, seen):
    size = int(verify().size)
    factories.line("NEWEST")
    seal_everything(seen)
    as_administrator(
        "DELETE FROM journal_entry e USING journal_leaf l WHERE l.entry_id = e.id AND l.idx >= %(size)s",
        "DELETE FROM journal_leaf WHERE idx >= %(size)s",
        "DELETE FROM journal_checkpoint WHERE size > %(size)s",
        "DELETE FROM equipment_historicalproductionline WHERE line_code = 'NEWEST'",
        f"DELETE FROM {LINES} WHERE line_code = 'NEWEST'",
        size=size,
    )

    assert verify().exit_code == 0  # nothing inside the database tells
    assert "checkpoint_regression" in codes(verify(witness=[seen]))


def test_an_older_backup_restored_is_told(as_admin, seen):
    factories.plant()
    seal_everything(seen)
    connections.close_all()
    backup = f"{database.name}_backup"
    database._admin(f"DROP DATABASE IF EXISTS {backup}", f"CREATE DATABASE {backup} TEMPLATE {{name}}")
    factories.line("AFTER")
    seal_everything(seen)
    connections.close_all()
    database._admin(
        "DROP DATABASE {name} WITH (FORCE)",
        f"CREATE DATABASE {{name}} TEMPLATE {backup} OWNER {{owner}}",
        f"DROP DATABASE {backup}",
    )

    report = verify(witness=[seen])
    assert codes(report) == {"checkpoint_regression"}
    assert "older backup" in report.findings[0].message


@pytest.mark.parametrize("key", [KEY, SigningKey(KEY.name, Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))])
def test_the_whole_log_rebuilt_is_caught_by_the_witness(plant, seen, key):
    entry, line = an_entry()
    as_administrator(
        'UPDATE journal_entry SET new = new || \'{"line_name": "Forged"}\' WHERE id = %(id)s',
        f"UPDATE {LINES} SET line_name = 'Forged' WHERE id = %(line)s",
        "UPDATE equipment_historicalproductionline SET line_name = 'Forged' WHERE id = %(line)s",
        *(f"DELETE FROM {table}" for table in SEALS),
        id=entry,
        line=line,
    )
    seal_everything(key=key)

    assert verify().exit_code == 0, "nothing inside the database tells"
    assert codes(verify(witness=[seen])) == {"root_differs" if key is KEY else "witness_key"}
    assert codes(verify(keys=[KEY.public])) == (set() if key is KEY else {"epoch_key", "checkpoint_signature"})


# --- The guards ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "code", "field"),
    [
        (f"DROP TRIGGER zz_journal_update ON {LINES}", "trigger_missing", "zz_journal_update"),
        (f"ALTER TABLE {LINES} DISABLE TRIGGER zz_journal_update", "trigger_off", "zz_journal_update"),
        (f"ALTER TABLE {LINES} ENABLE TRIGGER zz_journal_update", "trigger_off", "zz_journal_update"),
        (
            f"DROP TRIGGER zz_journal_update ON {LINES}; CREATE TRIGGER zz_journal_update AFTER UPDATE ON {LINES}"
            " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION"
            " journal_write('id', '{}', '{line_name}', '[]');"
            f" ALTER TABLE {LINES} ENABLE ALWAYS TRIGGER zz_journal_update",
            "trigger_altered",
            "zz_journal_update",
        ),
        (f"DROP TRIGGER status_evidence ON {ORDERS}", "trigger_missing", "status_evidence"),
        (
            f"DROP TRIGGER status_evidence ON {ORDERS}; CREATE CONSTRAINT TRIGGER status_evidence AFTER UPDATE ON"
            f" {ORDERS} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.status IS NOT DISTINCT FROM NEW.status)"
            " EXECUTE FUNCTION production_status_evidence('production.workorder');"
            f" ALTER TABLE {ORDERS} ENABLE ALWAYS TRIGGER status_evidence",
            "trigger_altered",
            "status_evidence",
        ),
        ("DROP TRIGGER append_only ON journal_leaf", "trigger_missing", "append_only"),
        ("DROP TRIGGER append_only ON audit_statechange", "trigger_missing", "append_only"),
        ("DROP TRIGGER append_only ON telemetry_reading", "trigger_missing", "append_only"),
        ("ALTER TABLE telemetry_reading DISABLE TRIGGER append_only", "trigger_off", "append_only"),
        (
            "CREATE FUNCTION forge() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER forge BEFORE INSERT ON journal_entry FOR EACH ROW EXECUTE FUNCTION forge()",
            "trigger_unknown",
            "forge",
        ),
        (
            "CREATE OR REPLACE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "function_altered",
            "journal_refuse",
        ),
        ("ALTER FUNCTION journal_write() SET timezone = 'Asia/Tokyo'", "function_altered", "journal_write"),
        ("ALTER FUNCTION journal_write() SECURITY INVOKER", "function_altered", "journal_write"),
        (f"CREATE RULE forge AS ON DELETE TO {LINES} DO INSTEAD NOTHING", "rule", "forge"),
    ],
)  # fmt: skip
def test_guards_taken_off_or_changed_are_named(as_admin, statement, code, field):
    seal_everything()
    with database.psycopg("admin") as admin:
        admin.execute(statement)

    report = verify(quick=True)
    assert (code, field) in {(each.code, each.field) for each in report.findings}
    assert report.verdict("database") == ALTERED


def test_a_month_without_its_truncate_guard_is_named(as_admin):
    seal_everything()
    with database.psycopg("admin") as admin:
        (month,) = admin.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'journal_entry'::regclass LIMIT 1"
        ).fetchone()
        admin.execute(f"DROP TRIGGER journal_no_truncate ON {month}")

    assert ("trigger_missing", month, "", "journal_no_truncate") in found(verify(quick=True))


def test_functions_replaced_do_not_help_who_forges(plant, seen):
    """The verifier asks none of the database's own functions."""
    entry, _key = an_entry()
    with database.psycopg("admin") as admin:
        hashes = admin.execute("SELECT hash FROM journal_leaf WHERE entry_id = %s", [entry]).fetchone()[0]
        admin.execute(
            "CREATE OR REPLACE FUNCTION journal_leaf_hash(entry journal_entry) RETURNS bytea LANGUAGE sql STABLE"
            f" RETURN '\\x{bytes(hashes).hex()}'::bytea"
        )
        admin.execute("CREATE FUNCTION public.to_jsonb(production_lines) RETURNS jsonb LANGUAGE sql RETURN '{}'::jsonb")
    as_administrator("UPDATE journal_entry SET reason = 'Forged' WHERE id = %(id)s", id=entry)

    assert "entry_altered" in codes(verify(witness=[seen]))


# --- What cannot be checked ----------------------------------------------------------------------------------


def test_what_cannot_be_checked_is_neither_good_nor_bad(as_admin, tmp_path, capsys):
    assert exit_code() == 2  # nothing is sealed
    seal_everything()
    assert exit_code() == 0
    assert exit_code("--witness", str(tmp_path / "missing.txt")) == 2
    assert exit_code("--record", LINES, "01900000-0000-7000-8000-0000000000aa") == 2
    assert exit_code("--tables", "no_such_table") == 2
    (tmp_path / "empty.txt").touch()
    report = verify(witness=[tmp_path / "empty.txt"])
    assert report.verdict("log") == UNCHECKED
    assert "Is the log intact? Not checked." in capsys.readouterr().out


# --- Every night ---------------------------------------------------------------------------------------------


def test_the_nightly_run_is_kept_and_journalled(plant, seen, settings):
    settings.JOURNAL_WITNESS_FILES = [str(seen)]
    verify_journal()

    run = last_run()
    assert run.is_intact
    assert run.entries == run.checkpoint_size > 100
    assert differs_from_journal(run) == []

    as_administrator(f"UPDATE {LINES} SET line_name = 'Forged' WHERE id = %(id)s", id=plant.plant.line.pk)
    verify_journal()
    bad = last_run()
    assert (bad.log, bad.records, bad.database) == (INTACT, INTACT, ALTERED)
    assert bad.findings[0]["field"] == "line_name"
    assert VerificationRun.objects.count() == 3  # with the one of the plant
