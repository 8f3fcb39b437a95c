"""Who may do what, on one page. Roles are Django groups; migrations make each hold exactly these permissions.

Higher apps appear here by permission name only; a test asserts that every name exists.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

VIEW_FLOOR = frozenset(
    f"{app}.view_{model}"
    for app, models in {
        "equipment": "site area productionline equipment reasoncode linestateinterval",
        "telemetry": "datasource series",
        "inventory": "material",
        "production": (
            "routing routingoperation batch workorder joborder quantityreport operationrun shift scheduledshift"
        ),
        "quality": "characteristic qualitycheck measurement",
    }.items()
    for model in models.split()
)
VIEW_KPI = frozenset({"production.view_kpi"})
VIEW_EVIDENCE = frozenset(
    {"audit.view_signature", "audit.view_statechange", "audit.view_securityevent", "accounts.view_user"}
    | {"audit.view_signaturepolicy", "audit.view_historicalsignaturepolicy", "audit.view_signingwindow"}
    | {"accounts.view_signingqualification", "accounts.view_signingstatement", "accounts.view_acknowledgement"}
    | {
        "accounts.view_providerconfirmation",
        "accounts.view_temporarycode",
        "audit.view_outbox",
        "audit.view_verificationrun",
    }
    | {"audit.view_retentionpolicy", "audit.view_historicalretentionpolicy", "audit.view_legalhold"}
    | {"audit.view_journalarchive", "audit.view_archivecheck", "audit.view_journalmonth"}
    | {"equipment.view_lineassignment", "equipment.view_historicallineassignment"}
    | {
        name.replace(".view_", ".view_historical")
        for name in VIEW_FLOOR
        if not name.endswith(
            (
                ".view_quantityreport",
                ".view_operationrun",
                ".view_scheduledshift",
                ".view_qualitycheck",
                ".view_measurement",
            )
        )
    }
)
READ_TRAIL = frozenset(
    {"audit.view_journalentry", "audit.view_journalseal", "audit.view_trailreview"}
    | {"audit.view_incident", "audit.view_timestamp", "audit.view_heartbeat"}
)
REVIEW_TRAIL = frozenset({"audit.add_trailreview", "audit.send_journalseal"})
MASTER_DATA = frozenset(
    f"{app}.{action}_{model}"
    for app, models in {
        "equipment": "site area productionline equipment reasoncode",
        "telemetry": "datasource series devicekey",
        "inventory": "material",
        "production": "routing routingoperation shift scheduledshift",
    }.items()
    for model in models.split()
    for action in ("add", "change")
)
MAP_SERIES = frozenset(  # say what a device's names stand for
    {"telemetry.map_series", "telemetry.add_series", "telemetry.change_series"}
    | {f"telemetry.view_{model}" for model in ("heldbackseries", "heldbackreading", "intake", "readingarchive")}
    | {f"telemetry.view_{model}" for model in ("devicekey", "historicaldevicekey")}
)
PLAN_ORDERS = frozenset(
    {
        "production.add_workorder",
        "production.change_workorder",
        "production.plan_workorder",
        "production.cancel_workorder",
        "production.add_batch",
        "production.change_batch",
    }
)
RUN_JOBS = frozenset(
    {
        "production.execute_joborder",
        "production.report_quantity",
        "production.complete_workorder",  # the last job's completion completes its order
        "equipment.set_line_state",
    }
)
# Told of locked accounts, opens them again; takes a lost device out of use and gives out a code in its place.
SECURITY = frozenset({"accounts.unlock_user", "accounts.revoke_factor", "accounts.add_temporarycode"})
SIGN = frozenset({"audit.add_signature"})  # where a signature policy names the role
VERIFY = frozenset({"audit.add_verificationrun"})  # start a verification of the journal at any time
POLICIES = frozenset({"audit.add_signaturepolicy", "audit.change_signaturepolicy"})
QUALIFY = frozenset(
    {"accounts.add_signingqualification", "accounts.change_signingqualification", "accounts.add_signingstatement"}
)
RETENTION = frozenset(
    {
        "audit.add_retentionpolicy",
        "audit.change_retentionpolicy",
        "audit.place_legalhold",
        "audit.lift_legalhold",
        "audit.dispose_records",
    }
)
MEASURE = frozenset({"quality.record_check"})


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    title: str  # printed beside signatures
    label: Any
    description: Any
    icon: str
    permissions: frozenset[str]
    uses_admin: bool = False
    api_only: bool = False  # gets tokens, no pages


ROLES = (
    Role(
        "operator",
        "Operator",
        _("Operator"),
        _("See the next job, start it, report pieces, explain a stop."),
        "play",
        VIEW_FLOOR | RUN_JOBS | MEASURE | SIGN,
    ),
    Role(
        "supervisor",
        "Supervisor",
        _("Supervisor"),
        _("Watch every line, keep orders on time, sign releases."),
        "layout-dashboard",
        VIEW_FLOOR
        | VIEW_KPI
        | VIEW_EVIDENCE
        | RUN_JOBS
        | MEASURE
        | PLAN_ORDERS
        | SECURITY
        | SIGN
        | {"production.release_workorder", "production.hold_workorder"},
    ),
    Role(
        "inspector",
        "Quality inspector",
        _("Quality inspector"),
        _("Measure pieces and watch the charts."),
        "clipboard-check",
        VIEW_FLOOR | VIEW_KPI | MEASURE | SIGN,
        uses_admin=True,
    ),
    Role(
        "qa_manager",
        "Quality manager",
        _("Quality manager"),
        _("Set limits, hold and release orders, sign, read the evidence."),
        "pen-line",
        VIEW_FLOOR
        | VIEW_KPI
        | VIEW_EVIDENCE
        | READ_TRAIL
        | REVIEW_TRAIL
        | MEASURE
        | SECURITY
        | QUALIFY
        | SIGN
        | POLICIES
        | VERIFY
        | RETENTION
        | {
            "quality.add_characteristic",
            "quality.change_characteristic",
            "production.release_workorder",
            "production.hold_workorder",
        },
        uses_admin=True,
    ),
    Role(
        "maintenance",
        "Maintenance technician",
        _("Maintenance"),
        _("Find stopped machines, take a line into maintenance and back."),
        "wrench",
        VIEW_FLOOR | VIEW_KPI | MAP_SERIES | {"equipment.set_line_state", "equipment.change_equipment"},
    ),
    Role(
        "planner",
        "Production planner",
        _("Planner"),
        _("Create and plan orders, keep materials, routings and shifts."),
        "list",
        VIEW_FLOOR | VIEW_KPI | PLAN_ORDERS | MASTER_DATA | MAP_SERIES | SIGN,
        uses_admin=True,
    ),
    Role(
        "auditor",
        "Auditor",
        _("Auditor (read only)"),
        _("Read everything, change nothing."),
        "search",
        VIEW_FLOOR
        | VIEW_KPI
        | VIEW_EVIDENCE
        | READ_TRAIL
        | {"telemetry.view_heldbackseries", "telemetry.view_heldbackreading", "telemetry.view_intake"}
        | {"telemetry.view_readingarchive"}
        | {"telemetry.view_devicekey", "telemetry.view_historicaldevicekey"},
        uses_admin=True,
    ),
    Role(
        "integration",
        "Integration (API)",
        _("Integration (API only)"),
        _("ERP, SCADA and laboratory programs."),
        "factory",
        VIEW_FLOOR
        | VIEW_KPI
        | PLAN_ORDERS
        | RUN_JOBS
        | MEASURE
        | {"inventory.add_material", "inventory.change_material"},
        api_only=True,
    ),
)
ROLE_BY_NAME = {role.name: role for role in ROLES}
