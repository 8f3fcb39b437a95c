"""Runs inside Django on the benchmark's own database: years of past orders, signed-in people, and what to ask for.

The past is the demo's ninety days over and over, each time ninety-one days earlier, copied by SQL with everything
an order's page reads. Prints one JSON object. Safe to run again: it fills up to the number asked for.
"""

import argparse
import datetime as dt
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework_simplejwt.tokens import RefreshToken  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.services.users import installing  # noqa: E402
from audit.context import act_as  # noqa: E402
from audit.signatures import Meaning, Signing, confirm_identity  # noqa: E402
from equipment.models import ProductionLine  # noqa: E402
from inventory.models import Material  # noqa: E402
from mfg_project.demo.people import PASSWORD  # noqa: E402
from production.models import JobOrder, WorkOrder  # noqa: E402
from production.services.job_orders import start_job  # noqa: E402
from production.services.work_orders import create_work_order, plan_work_order, release_work_order  # noqa: E402

DAYS_APART = 91
SESSIONS = 100
ENDLESS = "WO-BENCH-"  # orders that no benchmark can finish, to count pieces on
ENDLESS_PIECES = 5_000_000
DETAILS = 200

# table: which of its rows belong to a copied order; every key in it that is copied along
COPIED = {
    "work_orders": ("id IN (SELECT id FROM originals)", {"id"}),
    "production_joborder": ("work_order_id IN (SELECT id FROM originals)", {"id", "work_order_id"}),
    "production_quantityreport": (
        "job_order_id IN (SELECT id FROM original_jobs)",
        {"id", "job_order_id", "reverses_id", "client_token"},
    ),
    "production_historicalworkorder": ("id IN (SELECT id FROM originals)", {"id"}),
    "production_historicaljoborder": ("id IN (SELECT id FROM original_jobs)", {"id", "work_order_id"}),
    "audit_statechange": (
        "record_pk IN (SELECT id::text FROM originals UNION ALL SELECT id::text FROM original_jobs)",
        {"record_pk"},
    ),
}
NEW_NUMBER = {"history_id", "audit_statechange.id"}  # counted by the database
ORIGINALS = f"""
    CREATE TEMPORARY TABLE originals ON COMMIT DROP AS
        SELECT id FROM work_orders
        WHERE status = 'completed' AND work_order_number !~ '/' AND work_order_number NOT LIKE '{ENDLESS}%';
    CREATE TEMPORARY TABLE original_jobs ON COMMIT DROP AS
        SELECT id FROM production_joborder WHERE work_order_id IN (SELECT id FROM originals);
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, required=True)
    wanted: int = parser.parse_args().orders
    if (missing := wanted - WorkOrder.objects.count()) > 0:
        with installing("fill_benchmark"):
            multiply_past(missing)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    print(json.dumps(targets()))


def multiply_past(missing: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ORIGINALS)
        cursor.execute("SELECT count(*) FROM originals")
        copies = -(-missing // cursor.fetchone()[0])
        # Copies begin in the status they end in; the steps that led there are copied beside them.
        cursor.execute("ALTER TABLE work_orders DISABLE TRIGGER status_evidence_begun")
        for table, (condition, keys) in COPIED.items():
            copy_rows(cursor, table, condition, keys, copies)
        # Key figures show ninety days; the days before were never asked for.
        cursor.execute("DELETE FROM production_kpi_dirty_day WHERE report_date < current_date - 95")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE work_orders ENABLE ALWAYS TRIGGER status_evidence_begun")


def copy_rows(cursor: Any, table: str, condition: str, keys: set[str], copies: int) -> None:
    cursor.execute("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s", [table])
    values = {
        name: copied_value(name, kind, name in keys)
        for name, kind in cursor.fetchall()
        if not {name, f"{table}.{name}"} & NEW_NUMBER
    }
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM {table}, generate_series(1, %s) AS n WHERE {condition}",
        [copies],
    )


def copied_value(name: str, kind: str, is_key: bool) -> str:
    if is_key:
        return f"md5({name}::text || '/' || n)::uuid{'' if kind == 'uuid' else '::text'}"
    if kind == "timestamp with time zone":
        return f"{name} - n * interval '{DAYS_APART} days'"
    return f"{name} || '/' || n" if name == "work_order_number" else name


# --- what the measurements ask for ------------------------------------------------------------------------


def targets() -> dict[str, Any]:
    people = {
        user.username: user for user in User.objects.filter(username__in=["supervisor", "operator", "integration"])
    }
    orders = WorkOrder.objects.order_by("?").values_list("pk", flat=True)[:DETAILS]
    return {
        "orders": WorkOrder.objects.count(),
        "sessions": [session_of(people["supervisor"]) for _ in range(SESSIONS)],
        "operator_sessions": [session_of(people["operator"]) for _ in range(SESSIONS)],
        "token": str(RefreshToken.for_user(people["integration"]).access_token),
        "refresh": str(RefreshToken.for_user(people["integration"])),
        "order_ids": [str(pk) for pk in orders],
        "lines": [
            {"id": str(line.pk), "code": line.line_code} for line in ProductionLine.objects.filter(is_active=True)
        ],
        "product_ids": [str(pk) for pk in products().values_list("pk", flat=True)],
        "job_ids": [str(job.pk) for job in endless_jobs(people["supervisor"])],
    }


def session_of(user: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def products() -> Any:
    return Material.objects.filter(is_active=True, routings__is_active=True).order_by("product_code").distinct()


def endless_jobs(supervisor: User) -> list[JobOrder]:
    """One running job a line, so large that it never ends; made through the services, signature included."""
    jobs = JobOrder.objects.filter(work_order__work_order_number__startswith=ENDLESS, sequence=10)
    if not jobs.exists():
        with act_as(supervisor, source="command:benchmark"):
            for line in ProductionLine.objects.filter(is_active=True).order_by("line_code"):
                begin_endless_order(line, supervisor)
    return list(jobs)


def begin_endless_order(line: ProductionLine, supervisor: User) -> None:
    planner = User.objects.get(username="planner")
    with act_as(planner, source="command:benchmark"):  # who writes an order does not sign it
        order = _planned(line)
    identity = confirm_identity(user=supervisor, username=supervisor.get_username(), password=PASSWORD)
    release_work_order(work_order_id=order.pk, signing=Signing(identity=identity, meaning=Meaning.RELEASED))
    start_job(job_order_id=order.job_orders.order_by("sequence").first().pk)


def _planned(line: ProductionLine) -> WorkOrder:
    now = timezone.now()
    order = create_work_order(
        work_order_number=f"{ENDLESS}{line.line_code}-{uuid4().hex[:6]}",
        product_id=products().first().pk,
        planned_quantity=ENDLESS_PIECES,
        scheduled_start=now,
        scheduled_end=now + dt.timedelta(days=30),
        production_line_id=line.pk,
        priority=10,
    )
    return plan_work_order(work_order_id=order.pk)


if __name__ == "__main__":
    main()
