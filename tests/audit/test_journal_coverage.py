"""Every table of the project is journalled, append-only, or left out for a reason that is written down."""

import pytest
from django.apps import apps
from django.db import connection

from audit.exempt import EXEMPT
from tests.audit.journal import EVIDENCE, GUARDS, full_plant, historical, label, regulated

ALWAYS = "A"


@pytest.fixture
def triggers(db):
    """{table: {(function, when, what): tgenabled}} of the guards; the bits are those of pg_trigger.tgtype."""
    kinds = {4: "INSERT", 8: "DELETE", 16: "UPDATE", 32: "TRUNCATE"}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, p.proname, t.tgtype::int, t.tgenabled::text FROM pg_trigger t "
            "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal AND p.proname = ANY (%s)",
            [list(GUARDS)],
        )
        rows = cursor.fetchall()
    found: dict[str, dict[tuple[str, str], str]] = {}
    for table, function, bits, enabled in rows:
        for bit, kind in kinds.items():
            if bits & bit:
                found.setdefault(table, {})[(function, kind)] = enabled
    return found


def test_every_model_is_journalled_or_append_only_or_exempt(triggers):
    journalled = dict.fromkeys([("journal_write", op) for op in ("INSERT", "UPDATE", "DELETE")], ALWAYS)
    journalled[("journal_refuse", "TRUNCATE")] = ALWAYS

    missing = {
        label(model): triggers.get(model._meta.db_table)
        for model in regulated()
        if not journalled.items() <= triggers.get(model._meta.db_table, {}).items()
    }

    assert missing == {}


def test_every_history_is_append_only(triggers):
    append_only = dict.fromkeys([("journal_refuse", op) for op in ("UPDATE", "DELETE", "TRUNCATE")], ALWAYS)

    assert len(historical()) >= 14
    assert {m._meta.db_table: triggers.get(m._meta.db_table) for m in historical()} == {
        m._meta.db_table: append_only for m in historical()
    }


def test_evidence_is_append_only_whatever_the_session_sets(triggers):
    for name in EVIDENCE:
        guards = triggers[apps.get_model(name)._meta.db_table]
        for operation in ("UPDATE", "DELETE", "TRUNCATE"):
            assert guards.get(("journal_refuse", operation)) == ALWAYS, name


def test_the_list_of_exemptions_is_short_true_and_reasoned(triggers):
    known = {label(model): model for model in apps.get_models(include_auto_created=True)}

    assert set(EXEMPT) <= set(known)
    assert len(EXEMPT) <= 20
    for name, reason in EXEMPT.items():
        assert len(reason.split()) >= 5, name
        assert known[name]._meta.db_table not in triggers, f"{name} is journalled: take it off the list"


def test_the_links_of_many_to_many_fields_are_regulated_too():
    assert {label(m) for m in regulated()} >= {
        "accounts.User_groups",
        "accounts.User_user_permissions",
        "auth.Group_permissions",
    }


def test_the_other_tests_have_a_row_in_every_regulated_table(as_admin):
    full_plant()

    assert [label(model) for model in regulated() if not model._base_manager.exists()] == []
