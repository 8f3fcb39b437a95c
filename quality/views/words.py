"""What a chart or a study says, in words: shown beside it, so that nobody has to read it out of the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mfg_project.common.formats import exact, number
from quality.enums import Verdict
from quality.models import Characteristic
from quality.queries.charts import Series
from quality.spc import Capability, IndividualsChart

ENOUGH = 25  # fewer values say little about a process; the indices are shown, the judgement is not
CAPABLE, BARELY = 1.33, 1.0


@dataclass(frozen=True, slots=True)
class Judgement:
    word: str
    tone: str  # of the badge: danger attention info good, or "" for grey
    icon: str


def judge(series: Series | None, study: Capability | None, chart: IndividualsChart | None) -> Judgement:
    """One word for the list. The worst news first: bad pieces, then an unstable process, then its capability."""
    if series is None or not series.values or chart is None:
        return Judgement(_("Not measured"), "", "circle-dashed")
    if series.last_verdict == Verdict.FAIL:
        return Judgement(_("Last value out of limits"), "danger", "octagon-alert")
    if chart.beyond:
        return Judgement(_("Signal"), "attention", "triangle-alert")
    if study is None:
        return Judgement(_("No limits"), "", "info")
    if study.n < ENOUGH:
        return Judgement(_("Not enough data"), "", "circle-dashed")
    if study.cpk is None:
        return Judgement(_("No variation"), "", "minus")
    if study.cpk >= CAPABLE:
        return Judgement(_("Capable"), "good", "circle-check")
    if study.cpk >= BARELY:
        return Judgement(_("Barely capable"), "info", "info")
    return Judgement(_("Not capable"), "attention", "triangle-alert")


def signals(chart: IndividualsChart, values: Sequence[Decimal], places: int, unit: str) -> list[str]:
    """Each point beyond the limits as a sentence; the newest first."""
    if chart.ucl is None or chart.lcl is None or chart.mr_ucl is None:
        return []
    said = []
    for index in reversed(chart.beyond):
        high = float(values[index]) > chart.ucl
        text = (
            _("Point %(n)s (%(value)s) lies above the upper control limit %(limit)s.")
            if high
            else _("Point %(n)s (%(value)s) lies below the lower control limit %(limit)s.")
        )
        limit = number(chart.ucl if high else chart.lcl, places)
        said.append(text % {"n": index + 1, "value": f"{exact(values[index])} {unit}", "limit": f"{limit} {unit}"})
    for index in reversed(chart.mr_beyond):
        said.append(
            _("The step from point %(before)s to %(after)s (%(value)s) is larger than the limit %(limit)s.")
            % {
                "before": index + 1,
                "after": index + 2,
                "value": f"{number(chart.moving_ranges[index], places)} {unit}",
                "limit": f"{number(chart.mr_ucl, places)} {unit}",
            }
        )
    return said


def outside_specification(fails: int, n: int) -> str:
    if not fails:
        return ""
    return ngettext(
        "%(fails)s of %(n)s value lies outside the specification.",
        "%(fails)s of %(n)s values lie outside the specification.",
        n,
    ) % {"fails": fails, "n": n}


def headline(signal_count: int, n: int) -> str:
    return ngettext("%(signals)s signal in %(n)s values", "%(signals)s signals in %(n)s values", signal_count) % {
        "signals": signal_count,
        "n": n,
    }


def why_no_indices(study: Capability | None, chart: IndividualsChart, characteristic: Characteristic) -> str:
    """Why a capability index is missing or says little; "" when it stands on enough data."""
    if study is None:
        return _("This characteristic has no limits, so there is nothing to be capable of.")
    if study.n < 2:
        return _("Capability needs at least two values.")
    if study.cpk is None:
        return _("All values are the same: the spread, and with it the capability, cannot be told.")
    if study.n < ENOUGH:
        return _("Only %(n)s values: an indication, no judgement. %(enough)s or more say something.") % {
            "n": study.n,
            "enough": ENOUGH,
        }
    if chart.beyond:
        return _("The process is not stable: while there are signals, these indices promise nothing.")
    if characteristic.lower_limit is None or characteristic.upper_limit is None:
        return _("One-sided specification: Cp and Pp do not exist, Cpk and Ppk are the index of the side with a limit.")
    return ""
