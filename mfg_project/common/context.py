from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from accounts.services.locks import UNLOCK, waiting_accounts
from audit.policies import may_sign
from mfg_project.common.plant import current_plant


@dataclass(frozen=True, slots=True)
class NavEntry:
    url_name: str
    label: Any
    icon: str
    permission: str  # "" for the admin: who is staff may open it
    also: Callable[[Any], bool] | None = None  # what has to hold besides


NAV = (
    NavEntry("production:board", _("Board"), "layout-dashboard", "equipment.view_linestateinterval"),
    NavEntry("production:terminal", _("Terminal"), "tablet", "production.execute_joborder"),
    NavEntry("production:work-order-list", _("Orders"), "clipboard-list", "production.view_workorder"),
    NavEntry("quality:characteristic-list", _("Quality"), "ruler", "quality.view_measurement"),
    NavEntry("telemetry:series-list", _("Telemetry"), "activity", "telemetry.view_series"),
    NavEntry("signing:list", _("Signatures"), "pen-line", "audit.add_signature", may_sign),
    NavEntry("production:kpi", _("Key figures"), "chart-column", "production.view_kpi"),
    NavEntry("trail:list", _("Audit trail"), "history", "audit.view_journalentry"),
    NavEntry("admin:index", _("Administration"), "settings", ""),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """What `base.html` reads. Worked out only where a page shows it: a partial pays nothing."""
    plant = current_plant()
    return {
        "nav": SimpleLazyObject(lambda: _nav(request)),
        "user_role": SimpleLazyObject(lambda: _role_words(request)),
        "locked_accounts": SimpleLazyObject(lambda: _locked_accounts(request)),
        "plant": plant.name,
        "plant_time_zone": plant.time_zone,
        "demo": settings.DEMO,
    }


def _nav(request: HttpRequest) -> list[dict[str, Any]]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    return [
        {"url": url, "label": entry.label, "icon": entry.icon, "current": request.path.startswith(url)}
        for entry in NAV
        if (user.has_perm(entry.permission) if entry.permission else user.is_staff)
        and (entry.also is None or entry.also(user))
        and (url := _url(entry.url_name))
    ]


def _locked_accounts(request: HttpRequest) -> int:
    """For who may open them again; nobody else is told, and for nobody else it is asked."""
    user = getattr(request, "user", None)
    return waiting_accounts() if user is not None and user.is_authenticated and user.has_perm(UNLOCK) else 0


def _url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _role_words(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ""
    return ", ".join(str(role.label) for role in user.roles()) or (str(_("Administrator")) if user.is_superuser else "")
