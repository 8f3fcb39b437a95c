"""The state machines of production: which steps exist, who may take them, what they cost."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from audit.transitions import Edge, Signed, StateMachine
from production.enums import JobOrderStatus, WorkOrderStatus
from production.models import Routing

S, J = WorkOrderStatus, JobOrderStatus


def product_has_routing(order: Any) -> str | None:
    if Routing.objects.filter(product_id=order.product_id, is_active=True, operations__isnull=False).exists():
        return None
    return _("The product has no active routing with operations.")


def order_has_line(order: Any) -> str | None:
    return None if order.production_line_id else _("The order has no production line yet.")


def jobs_are_complete(order: Any) -> str | None:
    open_jobs = [str(job.sequence) for job in order.job_orders.all() if job.status != J.COMPLETED]
    return _("Operations not complete yet: %(jobs)s.") % {"jobs": ", ".join(sorted(open_jobs))} if open_jobs else None


def no_job_is_running(order: Any) -> str | None:
    running = [str(job.sequence) for job in order.job_orders.all() if job.status == J.RUNNING]
    return (
        _("Operation %(jobs)s is running: hold or complete it first.") % {"jobs": ", ".join(running)}
        if running
        else None
    )


def order_is_released(job: Any) -> str | None:
    if job.work_order.status in (S.RELEASED, S.IN_PROGRESS):
        return None
    return _("The work order is “%(status)s”; a job runs only on a released order.") % {
        "status": S(job.work_order.status).label
    }


PLAN = Edge(
    name="plan",
    label=gettext_lazy("Plan"),
    sources=frozenset({S.CREATED}),
    target=S.PLANNED,
    permission="production.plan_workorder",
    guards=(product_has_routing,),
)
RELEASE = Edge(
    name="release",
    label=gettext_lazy("Release"),
    sources=frozenset({S.PLANNED}),
    target=S.RELEASED,
    permission="production.release_workorder",
    signed=Signed.ALWAYS,
    guards=(order_has_line,),
)
START = Edge(
    name="start",
    label=gettext_lazy("Start"),
    sources=frozenset({S.RELEASED}),
    target=S.IN_PROGRESS,
    permission="production.execute_joborder",
)
COMPLETE = Edge(
    name="complete",
    label=gettext_lazy("Complete"),
    sources=frozenset({S.IN_PROGRESS}),
    target=S.COMPLETED,
    permission="production.complete_workorder",
    signed=Signed.BY_POLICY,
    guards=(jobs_are_complete,),
)
HOLD = Edge(
    name="hold",
    label=gettext_lazy("Put on hold"),
    sources=frozenset({S.PLANNED, S.RELEASED, S.IN_PROGRESS}),
    target=S.ON_HOLD,
    permission="production.hold_workorder",
    signed=Signed.BY_POLICY,
    needs_reason=True,
)
RESUME = Edge(
    name="resume",
    label=gettext_lazy("Resume"),
    sources=frozenset({S.ON_HOLD}),
    target=None,
    permission="production.hold_workorder",
    signed=Signed.BY_POLICY,
)
CANCEL = Edge(
    name="cancel",
    label=pgettext_lazy("order step", "Cancel"),
    sources=frozenset({S.CREATED, S.PLANNED, S.RELEASED, S.IN_PROGRESS, S.ON_HOLD}),
    target=S.CANCELLED,
    permission="production.cancel_workorder",
    signed=Signed.BY_POLICY,
    needs_reason=True,
    guards=(no_job_is_running,),
)
WORK_ORDER = StateMachine((PLAN, RELEASE, START, COMPLETE, HOLD, RESUME, CANCEL), S)

EXECUTE = "production.execute_joborder"
JOB_START = Edge(
    name="start",
    label=gettext_lazy("Start"),
    sources=frozenset({J.WAITING, J.HELD}),
    target=J.RUNNING,
    permission=EXECUTE,
    guards=(order_is_released,),
)
JOB_HOLD = Edge(
    name="hold",
    label=gettext_lazy("Hold"),
    sources=frozenset({J.RUNNING}),
    target=J.HELD,
    permission=EXECUTE,
    needs_reason=True,
)
JOB_COMPLETE = Edge(
    name="complete",
    label=gettext_lazy("Complete"),
    sources=frozenset({J.RUNNING}),
    target=J.COMPLETED,
    permission=EXECUTE,
)
JOB_CANCEL = Edge(
    name="cancel",
    label=pgettext_lazy("order step", "Cancel"),
    sources=frozenset({J.WAITING, J.HELD}),
    target=J.CANCELLED,
    permission="production.cancel_workorder",
    needs_reason=True,
)
JOB_ORDER = StateMachine((JOB_START, JOB_HOLD, JOB_COMPLETE, JOB_CANCEL), J)
