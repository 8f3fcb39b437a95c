"""What values look like in the journal: one text for one value whoever writes; secrets and large ones digested."""

import hashlib
import json
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from psycopg.sql import SQL, Identifier

from accounts.models import User
from accounts.services.passwords import set_password
from accounts.services.users import create_user, update_user
from audit.migration_ops import FREE, Journalled
from tests.audit.journal import ACT, REASON, SAY, entries, last_id
from tests.database import PLANT, database

EDITOR = SimpleNamespace(quote_name=lambda name: f'"{name}"')


class Scratch:
    """A journalled table made by the role that migrates, gone with its transaction."""

    def __init__(self, session: psycopg.Connection) -> None:
        self.session = session

    def make(self, columns: str, *, name: str = "scratch", **options: Any) -> None:
        self.session.execute(SQL(f"CREATE TABLE {name} (id int PRIMARY KEY, {columns})"))
        self.session.execute(SQL(Journalled("x.X", **options)._triggers(EDITOR, name, "id")))
        self.session.execute(SQL("SET LOCAL ROLE {}").format(Identifier(f"{PLANT}_journal")))  # kept no years here
        self.session.execute("INSERT INTO retention_rule VALUES (%s, %s, 'A test.')", [name, FREE])
        self.session.execute("RESET ROLE")

    def run(self, statement: str, *params: Any) -> None:
        self.session.execute(SQL(statement), params or None)

    def entries(self) -> list[dict[str, Any]]:
        rows = self.session.execute(
            "SELECT to_jsonb(e)::text FROM journal_entry e WHERE xid = pg_current_xact_id() AND op <> 'S' ORDER BY id"
        ).fetchall()
        return [json.loads(text, parse_float=str) for (text,) in rows]

    def journalled(self, kind: str, literal: str) -> Any:
        """How the value of this SQL literal is written when a row is gained."""
        self.make(f"v {kind}")
        self.run(f"INSERT INTO scratch VALUES (1, {literal})")
        (entry,) = self.entries()
        return entry["new"]["v"]


@pytest.fixture
def scratch(db):
    with database.psycopg("owner") as session:
        session.execute(SAY, [ACT])
        yield Scratch(session)
        session.rollback()


# --- Kinds of values -------------------------------------------------------------------------------------

TEXTS = [
    "",
    " ",
    "改善 かいぜん ｶｲｾﾞﾝ",
    "Größe ½ µm",
    "👩‍🔧🔧",
    "e\u0301 \u202e\u200f",
    "a'b\"c\\d\te\nf",
    "\ufffd\U0010ffff",
    "NaN",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_written_letter_for_letter(scratch, text):
    scratch.make("v text")
    scratch.run("INSERT INTO scratch VALUES (1, %s)", text)

    assert scratch.entries()[0]["new"]["v"] == text


@pytest.mark.parametrize(
    ("kind", "literal", "written"),
    [
        ("numeric", "1.10", "1.10"),
        ("numeric", "0.00000000000000000001", "0.00000000000000000001"),
        ("numeric", "123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
        ("numeric", "'NaN'", "NaN"),
        ("numeric", "'Infinity'", "Infinity"),
        ("numeric", "'-Infinity'", "-Infinity"),
        ("numeric", "'-0'", 0),
        ("float8", "'NaN'", "NaN"),
        ("float8", "'-Infinity'", "-Infinity"),
        ("float8", "0.1", "0.1"),
        ("float8", "0.30000000000000004", "0.30000000000000004"),
        ("bigint", "9223372036854775807", 9223372036854775807),
        ("boolean", "true", True),
        ("boolean", "NULL", None),
        ("bytea", "'\\x00ff5c'", "\\x00ff5c"),
        ("text[]", "ARRAY['a', NULL, 'b,\"c']", ["a", None, 'b,"c']),
        ("int[]", "'{{1,2},{3,4}}'", [[1, 2], [3, 4]]),
        ("int[]", "'{}'", []),
        ("jsonb", """'{"b": [1, {"c": null}], "a": 1.50}'""", {"a": "1.50", "b": [1, {"c": None}]}),
        ("json", """'{"a": 1}'""", {"a": 1}),
        ("date", "'infinity'", "infinity"),
        ("date", "'0044-03-15 BC'", "0044-03-15 BC"),
        ("timestamptz", "'infinity'", "infinity"),
        ("interval", "'1 year 2 mons -3 days 04:05:06.7'", "P1Y2M-3DT4H5M6.7S"),
        ("tstzrange", "'[2026-01-31 23:00+00,)'", '["2026-01-31 23:00:00+00",)'),
        ("uuid", "'01900000-0000-7000-8000-000000000001'", "01900000-0000-7000-8000-000000000001"),
        ("char(5)", "'ab'", "ab   "),
    ],
)
def test_each_kind_of_value_has_its_text(scratch, kind, literal, written):
    assert scratch.journalled(kind, literal) == written


@pytest.mark.parametrize(
    "session",
    [
        "SET timezone = 'America/New_York'",
        "SET timezone = 'Asia/Kolkata'",
        "SET datestyle = 'German, DMY'",
        "SET intervalstyle = 'postgres_verbose'",
        "SET bytea_output = 'escape'",
        "SET extra_float_digits = -15",
    ],
)
def test_one_value_has_one_text_whatever_the_session_sets(scratch, session):
    scratch.make("t timestamptz, r tstzrange, i interval, b bytea, f float8, d date")
    scratch.run(session)
    scratch.run(
        "INSERT INTO scratch VALUES (1, '2026-03-01T12:00:00.123456Z', '[2026-03-01T12:00Z,2026-03-01T13:00Z)', "
        "'1 day 2 hours', '\\x00ff', 0.30000000000000004::float8, '2026-03-01')"
    )

    assert scratch.entries()[0]["new"] == {
        "id": 1,
        "t": "2026-03-01T12:00:00.123456+00:00",
        "r": '["2026-03-01 12:00:00+00","2026-03-01 13:00:00+00")',
        "i": "P1DT2H",
        "b": "\\x00ff",
        "f": "0.30000000000000004",
        "d": "2026-03-01",
    }


def test_the_hour_that_comes_twice_is_two_moments(scratch):
    """In New York 2026-11-01 01:30 is first summer, then winter time."""
    scratch.make("t timestamptz")
    scratch.run("SET timezone = 'America/New_York'")
    scratch.run("INSERT INTO scratch VALUES (1, '2026-11-01 01:30 EDT'), (2, '2026-11-01 01:30 EST')")
    scratch.run("UPDATE scratch SET t = t + interval '1 hour' WHERE id = 1")

    gained_1, gained_2, changed = scratch.entries()
    assert gained_1["new"]["t"] == "2026-11-01T05:30:00+00:00"
    assert gained_2["new"]["t"] == "2026-11-01T06:30:00+00:00"
    assert (changed["old"]["t"], changed["new"]["t"]) == (gained_1["new"]["t"], gained_2["new"]["t"])


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("numeric", "1.0", "1.00"),
        ("float8", "0", "'-0'"),
        ("float8", "'NaN'", "'NaN'"),
        ("jsonb", "'{}'", "'{ }'"),
        ("jsonb", "NULL", "'null'"),  # the journal has one word for both
    ],
)
def test_equal_values_are_no_change(scratch, kind, before, after):
    scratch.make(f"v {kind}")
    scratch.run(f"INSERT INTO scratch VALUES (1, {before})")
    scratch.run(f"UPDATE scratch SET v = {after}")

    assert [entry["op"] for entry in scratch.entries()] == ["I"]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("text", "'a'", "'a '"),
        ("text", "NULL", "''"),
        ("text", "'e\u0301'", "'\u00e9'"),  # the same to the eye
        ("float8", "'NaN'", "0"),
        ("float8", "0.3", "0.30000000000000004"),
        ("int[]", "'{1,2}'", "'{2,1}'"),
    ],
)
def test_the_smallest_difference_is_a_change(scratch, kind, before, after):
    scratch.make(f"v {kind}")
    scratch.run(f"INSERT INTO scratch VALUES (1, {before})")
    scratch.run(f"UPDATE scratch SET v = {after}")

    assert [entry["op"] for entry in scratch.entries()] == ["I", "U"]
    assert scratch.entries()[1]["changed"] == ["v"]


# --- Rows ------------------------------------------------------------------------------------------------


def test_rows_that_swap_their_values_are_both_changed(scratch):
    scratch.make("v text")
    scratch.run("INSERT INTO scratch VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    scratch.run("UPDATE scratch SET v = CASE id WHEN 1 THEN 'b' WHEN 2 THEN 'a' ELSE v END")

    changed = scratch.entries()[3:]
    assert {(e["pk"], e["old"]["v"], e["new"]["v"]) for e in changed} == {("1", "a", "b"), ("2", "b", "a")}


def test_a_key_that_moves_to_another_row_is_told_row_by_row(scratch):
    scratch.make("v text")
    scratch.run("INSERT INTO scratch VALUES (1, 'a'), (3, 'c')")
    scratch.run("UPDATE scratch SET id = id + 2 WHERE id = 3")
    scratch.run("UPDATE scratch SET id = 3 WHERE id = 1")

    told = [(e["op"], e["pk"]) for e in scratch.entries()[2:]]
    assert sorted(told[:2]) == [("D", "3"), ("I", "5")]
    assert sorted(told[2:]) == [("D", "1"), ("I", "3")]


@pytest.mark.parametrize(
    ("rule", "wanted"), [("CASCADE", ("D", None, "1")), ("SET NULL", ("U", ["parent"], None)), ("SET DEFAULT", None)]
)
def test_what_a_foreign_key_does_by_itself_is_journalled(scratch, rule, wanted):
    scratch.make("v text", name="parents")
    scratch.make(f"parent int DEFAULT 2 REFERENCES parents (id) ON DELETE {rule}", name="children")
    scratch.run("INSERT INTO parents VALUES (1, 'goes'), (2, 'stays')")
    scratch.run("INSERT INTO children VALUES (10, 1), (11, 1), (12, 2)")
    before = len(scratch.entries())
    scratch.run("DELETE FROM parents WHERE id = 1")

    found = scratch.entries()[before:]
    children = {(e["pk"], e["op"]) for e in found if e["table_name"] == "children"}
    operation = wanted[0] if wanted else "U"
    assert len(found) == 3
    assert children == {("10", operation), ("11", operation)}
    assert {(e["pk"], e["op"]) for e in found if e["table_name"] == "parents"} == {("1", "D")}
    if rule == "SET DEFAULT":
        assert {e["new"]["parent"] for e in found if e["op"] == "U"} == {2}


def test_what_a_trigger_changes_is_journalled_as_it_was_stored(scratch):
    scratch.make("v text")
    scratch.run(
        "CREATE FUNCTION pg_temp.shout() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.v := upper(NEW.v); RETURN NEW; END $$"
    )
    scratch.run("CREATE TRIGGER zzzz BEFORE INSERT ON scratch FOR EACH ROW EXECUTE FUNCTION pg_temp.shout()")
    scratch.run("INSERT INTO scratch VALUES (1, 'quiet')")

    assert scratch.entries()[0]["new"]["v"] == "QUIET"


def test_columns_added_later_are_journalled_without_doing_anything(scratch):
    scratch.make("v text")
    scratch.run("INSERT INTO scratch VALUES (1, 'a')")
    scratch.run("ALTER TABLE scratch ADD COLUMN later text DEFAULT 'x'")
    scratch.run("UPDATE scratch SET later = 'y'")

    changed = scratch.entries()[1]
    assert (changed["old"], changed["new"], changed["changed"]) == ({"later": "x"}, {"later": "y"}, ["later"])


def test_no_name_of_a_column_is_in_the_way_of_the_journal(scratch):
    taken = "r rows row_now row_then old new old_rows new_rows changed context key_column digested ignored key value op"
    names = [*taken.split(), "pk", "diff", "before", "after", "act", "code", "fields", "columns", "user", "ａ b", 'q"q']
    quoted = [Identifier(name).as_string(scratch.session) for name in names]
    scratch.make(", ".join(f"{name} text" for name in quoted), digested=["digested", "key"], ignored=["ignored"])
    scratch.run(f"INSERT INTO scratch SELECT 1{', %s' * len(names)}", *("a" for _ in names))
    scratch.run("UPDATE scratch SET " + ", ".join(f"{name} = 'b'" for name in quoted))
    scratch.run("DELETE FROM scratch")

    gained, changed, lost = scratch.entries()

    def shown(letter: str) -> dict[str, Any]:
        kept = {name: letter for name in names if name != "ignored"}
        return kept | {"id": 1, "digested": digest(letter), "key": digest(letter)}

    assert (gained["new"], lost["old"]) == (shown("a"), shown("b"))
    assert changed["changed"] == sorted(set(names) - {"ignored"})


def test_what_is_no_news_is_neither_shown_nor_an_entry(scratch):
    scratch.make("v text, seen timestamptz", ignored=["seen"])
    scratch.run("INSERT INTO scratch VALUES (1, 'a', now())")
    scratch.run("SELECT set_config('genba.act', '', true)")
    scratch.run("UPDATE scratch SET seen = now() + interval '1 hour'")  # nobody, for no reason: it is no news

    (gained,) = scratch.entries()
    assert gained["new"] == {"id": 1, "v": "a"}


# --- Large values and secrets ------------------------------------------------------------------------------


def digest(text: str) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(text.encode()).hexdigest(), "length": len(text)}


def test_five_megabytes_are_kept_whole_or_as_their_digest(scratch):
    text = "部品表 0123456789\n" * 330_000
    scratch.make("whole text, digested text, nothing text", digested=["digested", "nothing"])
    scratch.run("INSERT INTO scratch VALUES (1, %s, %s, NULL)", text, text)
    scratch.run("UPDATE scratch SET digested = digested || '.'")

    gained, changed = scratch.entries()
    assert len(text.encode()) > 5_000_000
    assert gained["new"]["whole"] == text
    assert gained["new"]["digested"] == digest(text)
    assert gained["new"]["nothing"] is None
    assert changed["changed"] == ["digested"]
    assert (changed["old"], changed["new"]) == ({"digested": digest(text)}, {"digested": digest(text + ".")})


@pytest.mark.django_db
def test_no_secret_is_ever_in_the_journal_and_its_change_is(as_admin):
    secrets = ["Getriebe-Welle-31", "Kupplung-Flansch-7", "Flansch-Kupplung-8"]
    hashes = []
    start = last_id()

    def remember(person: User) -> None:
        person.refresh_from_db()
        hashes.append(person.password)

    person = create_user(username="carrier", printed_name="Secret Carrier", roles=["planner"], password=secrets[0])
    remember(person)
    set_password(user_id=person.pk, password=secrets[1])
    remember(person)
    change_own_password(person, secrets[1], secrets[2])
    remember(person)
    update_user(user_id=person.pk, printed_name="Secret Carrier II", reason=REASON)

    passwords = [e for e in entries(start, table="accounts_user") if "password" in e["changed"]]
    assert len(set(hashes)) == 3
    assert [(e["old"]["password"], e["new"]["password"]) for e in passwords] == [
        (digest(hashes[0]), digest(hashes[1])),
        (digest(hashes[1]), digest(hashes[2])),
    ]
    assert in_the_journal("Secret Carrier II")  # the search finds what is there
    for secret in (*secrets, *hashes, *(part for each in hashes for part in each.split("$")[-2:])):
        assert not in_the_journal(secret), secret


def change_own_password(person: User, old: str, new: str) -> None:
    client = Client()
    client.post(reverse("accounts:login"), {"username": person.username, "password": old})
    answer = client.post(
        reverse("accounts:password-change"), {"old_password": old, "new_password1": new, "new_password2": new}
    )
    assert answer.status_code == 302


def in_the_journal(text: str) -> bool:
    """Anywhere, in any column, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM journal_entry e WHERE strpos(e::text, %s) > 0)", [text])
        return cursor.fetchone()[0]
