from production.api.views import JobOrderViewSet, KpiViewSet, QuantityReportViewSet
from production.api.work_order_views import SourceNamedWorkOrderViewSet, WorkOrderViewSet

ROUTES = [
    ("work-orders", WorkOrderViewSet, "work-order"),
    ("production/work-orders", SourceNamedWorkOrderViewSet, "source-named-work-order"),
    ("job-orders", JobOrderViewSet, "job-order"),
    ("quantity-reports", QuantityReportViewSet, "quantity-report"),
    ("kpi", KpiViewSet, "kpi"),
]
