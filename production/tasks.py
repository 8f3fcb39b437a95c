import datetime as dt
from typing import Any

from celery import shared_task

from accounts.services.users import system_user
from audit.context import act_as
from equipment.queries.site import production_day
from production.services import calendar, kpi

SHIFTS_AHEAD = dt.timedelta(days=14)


@shared_task(name="production.refresh_kpis", ignore_result=True)
def refresh_kpis(**_: Any) -> None:
    """Safe to run twice: an advisory lock lets one run, and every day is computed whole."""
    kpi.refresh_kpis()


@shared_task(name="production.plan_shifts", ignore_result=True)
def plan_shifts(**_: Any) -> None:
    """Safe to run twice: a shift that is planned already stays as it is."""
    today = production_day()
    with act_as(system_user(), source="task:production.plan_shifts"):
        calendar.plan_shifts(first=today, last=today + SHIFTS_AHEAD)
