"""Installation qualification: checks that are really executed on the installation this runs in. English: evidence.

Each group asks one part of the system. A group that cannot be asked is "not checked", and the others go on.
"""

import datetime as dt
import importlib.metadata
import platform
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core import checks as django_checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from audit.database.roles import excess_of_rights
from audit.queries.verification import last_run
from audit.verification import shipped
from audit.verification.guards import check_guards
from audit.verification.report import Report
from audit.verification.session import opened
from audit.witness import last_note, witness_files
from equipment.queries.site import read_plant

OK, FAILED, NOT_CHECKED = "ok", "failed", "not checked"
PYTHON_AT_LEAST = (3, 11)
POSTGRESQL = range(15, 19)
REQUIREMENTS = Path(settings.BASE_DIR) / "requirements.txt"
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", re.M)
MOST_SEAL_LAG = dt.timedelta(minutes=5)
MOST_VERIFY_AGE = dt.timedelta(hours=26)  # every night, and a little
MOST_CLOCK_OFFSET = 2.0  # seconds
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
ROLES = """
    SELECT r.rolname, r.rolcanlogin, r.rolsuper FROM pg_roles r
    WHERE r.rolname = ANY (SELECT replace(pg_get_userbyid(c.relowner)::text, '_journal', '') || '_' || each
        FROM pg_class c, unnest(%s::text[]) AS each WHERE c.oid = to_regclass('journal_entry')) ORDER BY 1
"""
MONTHS = """
    SELECT count(*) FILTER (WHERE c.relname > to_char(now() AT TIME ZONE 'UTC', '"journal_entry_y"YYYY"m"MM')),
        max(c.relname)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'journal_entry'::regclass
"""
UNSEALED = """
    SELECT (SELECT max(at) FROM journal_checkpoint), min(e.at), count(e.id) FROM journal_entry e
    WHERE e.xid >= coalesce((SELECT horizon FROM journal_checkpoint ORDER BY epoch DESC, size DESC LIMIT 1), '0'::xid8)
"""


@dataclass(frozen=True, slots=True)
class Check:
    group: str
    name: str
    expected: str
    found: str
    result: str


def check_installation() -> list[Check]:
    """Every check, in the order of the report. Writes nothing."""
    found: list[Check] = []
    for group, ask in GROUPS.items():
        try:
            found += [Check(group, name, wanted, seen, OK if good else FAILED) for name, wanted, seen, good in ask()]
        except (DatabaseError, psycopg.Error, OSError) as why:
            found.append(Check(group, "the whole group", "can be asked", str(why).strip(), NOT_CHECKED))
    return found


Found = Iterator[tuple[str, str, str, bool]]  # name, expected, found, good


def _programs() -> Found:
    at_least = ".".join(map(str, PYTHON_AT_LEAST))
    yield "Genba", settings.GENBA_VERSION, settings.GENBA_VERSION, True
    yield "Python", f"{at_least} or newer", platform.python_version(), sys.version_info >= PYTHON_AT_LEAST
    for name, pinned in PIN.findall(REQUIREMENTS.read_text(encoding="utf-8")):
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "not installed"
        yield name, pinned, installed, installed == pinned


def _database() -> Found:
    major = connection.cursor().connection.info.server_version // 10_000
    yield "PostgreSQL", f"{min(POSTGRESQL)} to {max(POSTGRESQL)}", _setting("server_version"), major in POSTGRESQL
    yield "encoding", "UTF8", _setting("server_encoding"), _setting("server_encoding") == "UTF8"
    yield "time zone of a session", "UTC", _setting("TimeZone"), _setting("TimeZone") == "UTC"
    for name in DURABLE:
        yield f"{name}: what is acknowledged survives a power cut", "on", _setting(name), _setting(name) == "on"
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    missing = ", ".join(f"{each.app_label}.{each.name}" for each, _back in plan)
    yield "migrations of this version", "all applied", missing or "all applied", not missing


def _roles() -> Found:
    excess = "; ".join(excess_of_rights())
    yield "rights of the application's role", "owns nothing, bypasses nothing", excess or "as expected", not excess
    rows = {name.rsplit("_", 1)[-1]: (login, superuser) for name, login, superuser in _rows(ROLES, [list(_LOGINS)])}
    for role, signs_in in _LOGINS.items():
        login, superuser = rows.get(role, (None, None))
        seen = "missing" if login is None else _signing_in(login) + (", superuser" if superuser else ", no superuser")
        wanted = f"{_signing_in(signs_in)}, no superuser"
        yield f"role {role}", wanted, seen, seen == wanted


def _signing_in(login: bool) -> str:
    return "signs in" if login else "nobody signs in as it"


_LOGINS = {"owner": True, "app": True, "journal": False, "sealer": True, "auditor": True}


def _guards() -> Found:
    report = Report()
    with opened() as session:
        check_guards(session, report)
    asked = f"{len(shipped.triggers())} triggers, {len(shipped.functions())} functions of this version, switched on"
    seen = "; ".join(why for reasons in report.unchecked.values() for why in reasons) or _first(report)
    yield "triggers and functions of the journal", asked, seen, not report.findings and not report.unchecked


def _first(report: Report) -> str:
    more = f" and {len(report.findings) - 3} more" if len(report.findings) > 3 else ""
    return "; ".join(str(finding) for finding in report.findings[:3]) + more or "as expected"


def _journal() -> Found:
    ((ahead, last),) = _rows(MONTHS)
    yield "months of the journal made ahead", "1 or more", f"{ahead}, up to {last}", ahead >= 1
    ((sealed, oldest, waiting),) = _rows(UNSEALED)
    now = timezone.now()
    since = f", the oldest since {_moment(oldest)}" if oldest else ""
    seen = f"last checkpoint {_moment(sealed)}; {waiting} entries wait{since}"
    is_alive = sealed is not None and (oldest is None or now - oldest < MOST_SEAL_LAG)
    yield "the sealer works", f"nothing waits longer than {_minutes(MOST_SEAL_LAG)}", seen, is_alive
    yield from _witnesses()
    run = last_run()
    seen = f"{_moment(run.ended)}: {'intact' if run.is_intact else 'not intact'}" if run else "none"
    is_good = bool(run and run.is_intact and now - run.ended < MOST_VERIFY_AGE)
    yield "last verification", f"intact, within {_minutes(MOST_VERIFY_AGE)}", seen, is_good


def _witnesses() -> Found:
    files = witness_files()
    yield "witnesses outside the database", "1 or more", str(len(files)), bool(files)
    for path in files:
        note = None
        try:
            note = last_note(path)
            seen = f"last checkpoint of {note.splitlines()[1]} entries" if note else "missing or empty"
        except OSError as why:
            seen = str(why)
        yield f"witness {path}", "can be read and holds checkpoints", seen, bool(note)


def _time() -> Found:
    plant = read_plant()
    yield "time zone of the plant", "set", str(plant.tz) if plant else "no site yet", plant is not None
    before = timezone.now()
    ((database,),) = _rows("SELECT clock_timestamp()")
    middle = before + (timezone.now() - before) / 2
    offset = (database - middle).total_seconds()
    wanted = f"within {MOST_CLOCK_OFFSET:.0f} s"
    yield "clock of the database against this machine's", wanted, f"{offset:+.3f} s", abs(offset) < MOST_CLOCK_OFFSET


def _settings() -> Found:
    yield "mode", "production", settings.MODE, settings.PRODUCTION
    yield "DEBUG", "off", "on" if settings.DEBUG else "off", not settings.DEBUG
    yield "HTTPS only, cookies marked secure", "on", "on" if settings.HTTPS else "off", settings.HTTPS
    is_default = settings.SECRET_KEY == settings.INSECURE_SECRET_KEY
    yield "SECRET_KEY", "one of its own", "the default" if is_default else "one of its own", not is_default
    for name in ("PASSWORD_MAX_DAYS", "DORMANT_DAYS", "PASSWORD_HISTORY", "LOCKOUT_FAILURES"):
        yield name, "1 or more", str(getattr(settings, name)), getattr(settings, name) >= 1
    people = len(settings.SECURITY_EMAILS)
    yield "addresses told of a locked account", "1 or more", str(people), people > 0
    key = "here" if settings.JOURNAL_KEY else "not here"
    yield "signing key of the journal, in the environment of this process", "not here", key, not settings.JOURNAL_KEY
    found = django_checks.run_checks(include_deployment_checks=settings.PRODUCTION)
    faults = "; ".join(f"{each.id}: {each.msg}" for each in found)
    yield "checks of the program itself", "no fault", faults or "no fault", not faults


GROUPS: dict[str, Callable[[], Found]] = {
    "Programs": _programs,
    "Database": _database,
    "Roles": _roles,
    "Guards": _guards,
    "Journal": _journal,
    "Time": _time,
    "Settings": _settings,
}


def _rows(query: str, values: list[Any] | None = None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _setting(name: str) -> str:
    ((value,),) = _rows("SELECT current_setting(%s)", [name])
    return str(value)


def _moment(at: dt.datetime | None) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC" if at else "none"


def _minutes(length: dt.timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
