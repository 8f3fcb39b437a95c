from production.models.calendar import ScheduledShift, Shift
from production.models.job_order import JobOrder, OperationRun, QuantityReport
from production.models.kpi import KpiDaily, KpiDay, KpiDayStop, KpiDirtyDay, KpiRefresh
from production.models.routing import Routing, RoutingOperation
from production.models.work_order import Batch, WorkOrder

__all__ = [
    "Batch",
    "JobOrder",
    "KpiDaily",
    "KpiDay",
    "KpiDayStop",
    "KpiDirtyDay",
    "KpiRefresh",
    "OperationRun",
    "QuantityReport",
    "Routing",
    "RoutingOperation",
    "ScheduledShift",
    "Shift",
    "WorkOrder",
]
