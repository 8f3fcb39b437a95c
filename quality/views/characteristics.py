"""Is the process telling me something? The list of characteristics, and the charts of one."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mfg_project.common.formats import UNKNOWN, Moment, exact, moment, number
from mfg_project.common.pages import allowed, asked_text, asked_uuid, query_without
from quality.forms import limits_text
from quality.models import Characteristic, Measurement
from quality.queries.charts import (
    Place,
    Series,
    capability_of,
    characteristics,
    chart_of,
    last_series,
    measured_products,
    measurements_of,
    places_of,
)
from quality.spc import Capability, IndividualsChart
from quality.views.words import Judgement, headline, judge, outside_specification, signals, why_no_indices

PER_PAGE = 50
WINDOWS = (50, 100, 500)
EVERY_PLACE = "*"
FAR_LIMIT = 4  # a limit further from the values than this many times their own range is told, not drawn


@dataclass(frozen=True, slots=True)
class CharacteristicRow:
    url: str
    code: str
    name: str
    product: str
    operation: str
    place: str
    limits: str
    last: str
    last_failed: bool
    last_at: Moment | None
    n: int
    fails: int
    cpk: str
    judgement: Judgement


@require_safe
@allowed("quality.view_measurement")
def characteristic_list(request: HttpRequest) -> HttpResponse:
    product_id = asked_uuid(request, "product")
    search = asked_text(request, "q")
    rows = characteristics(product_id=product_id, search=search)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    shown = list(page)
    series = last_series([characteristic.pk for characteristic in shown])
    context = {
        "rows": [row for one in shown for row in _rows(one, series.get(one.pk, []))],
        "page": page,
        "query": query_without(request, "page"),
        "products": measured_products(),
        "product_id": product_id,
        "search": search,
        "tab": "characteristics",
    }
    return render(request, "quality/characteristic_list.html", context)


@require_safe
@allowed("quality.view_measurement")
def characteristic_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    characteristic = get_object_or_404(Characteristic.objects.select_related("product"), pk=pk)
    places = places_of(characteristic)
    place = _chosen_place(request, places)
    window = int(request.GET["n"]) if request.GET.get("n", "") in map(str, WINDOWS) else WINDOWS[1]
    measured = measurements_of(characteristic, place=None if place == EVERY_PLACE else place, at_most=window)
    values = [m.value for m in measured]
    chart, study = chart_of(values), capability_of(characteristic, values)
    digits = _digits(values)
    said = signals(chart, values, digits + 1, characteristic.unit)
    context = {
        "characteristic": characteristic,
        "limits": limits_text(characteristic),
        "target": exact(characteristic.target) if characteristic.target is not None else "",
        "place_chips": _place_chips(request, places, place),
        "mixes_places": place == EVERY_PLACE and len(places) > 1,
        "window_chips": _window_chips(request, window),
        "signals": said,
        "headline": headline(len(said), len(values)) if said else "",
        "off_chart": _off_chart(_specification(characteristic, measured, chart)[1], characteristic.unit)
        if measured
        else [],
        "outside": outside_specification(sum(m.verdict == "fail" for m in measured), len(measured)),
        "indices": _indices(study, digits) if study and study.n >= 2 else [],
        "caution": why_no_indices(study, chart, characteristic) if values else "",
        "facts": _facts(chart, study, digits, characteristic.unit),
        "individuals": _individuals(characteristic, measured, chart, digits),
        "moving_range": _moving_range(characteristic, chart, digits),
        "rows": [_measurement_row(m, n) for n, m in enumerate(measured, 1)][::-1],
        "limits_changed": any(
            (m.lower_limit, m.upper_limit) != (characteristic.lower_limit, characteristic.upper_limit) for m in measured
        ),
        "tab": "characteristics",
    }
    return render(request, "quality/characteristic_detail.html", context)


def _rows(characteristic: Characteristic, by_place: list[Series]) -> list[CharacteristicRow]:
    """A row per place; a characteristic nobody has measured still has its row."""
    return [_row(characteristic, series) for series in by_place] or [_row(characteristic, None)]


def _row(characteristic: Characteristic, series: Series | None) -> CharacteristicRow:
    values = series.values if series else []
    chart, study = chart_of(values), capability_of(characteristic, values)
    url = reverse("quality:characteristic-detail", args=[characteristic.pk])
    return CharacteristicRow(
        url=f"{url}?{urlencode({'place': series.place})}" if series else url,
        code=characteristic.code,
        name=characteristic.name,
        product=characteristic.product.product_code,
        operation=str(characteristic.operation_sequence or ""),
        place=series.place if series else "",
        limits=limits_text(characteristic),
        last=f"{exact(values[-1])} {characteristic.unit}" if values else UNKNOWN,
        last_failed=bool(series and series.last_verdict == "fail"),
        last_at=moment(series.last_at) if series else None,
        n=len(values),
        fails=series.fails if series else 0,
        cpk=number(study.cpk, 2) if study else UNKNOWN,
        judgement=judge(series, study, chart),
    )


def _chosen_place(request: HttpRequest, places: list[Place]) -> str:
    """One place unless the person asks for all: values of two laboratories are not one process."""
    names = [place.name for place in places]
    wanted = request.GET.get("place")
    if wanted == EVERY_PLACE or wanted in names:
        return wanted or ""
    return names[0] if names else EVERY_PLACE


def _place_chips(request: HttpRequest, places: list[Place], chosen: str) -> list[dict[str, Any]]:
    if len(places) < 2:
        return [{"label": places[0].name, "count": places[0].values, "current": True}] if places and chosen else []
    kept = query_without(request, "place", "page")
    chips = [
        {
            "label": place.name or _("no place named"),
            "count": place.values,
            "url": f"?{kept}{urlencode({'place': place.name})}",
            "current": place.name == chosen,
        }
        for place in places
    ]
    together = {"label": _("All places together"), "url": f"?{kept}place=*", "current": chosen == EVERY_PLACE}
    return [*chips, together]


def _window_chips(request: HttpRequest, window: int) -> list[dict[str, Any]]:
    kept = query_without(request, "n", "page")
    return [{"label": n, "url": f"?{kept}n={n}", "current": n == window} for n in WINDOWS]


def _digits(values: list[Decimal]) -> int:
    """As many decimals as the finest value was measured with."""
    return min(6, max((max(0, -int(value.as_tuple().exponent)) for value in values), default=3))


def _indices(study: Capability, digits: int) -> list[dict[str, Any]]:
    within = _("σ within %(sigma)s, from the mean moving range / 1.128") % {
        "sigma": number(study.sigma_within, digits + 2)
    }
    overall = _("σ overall %(sigma)s, from all %(n)s values") % {
        "sigma": number(study.stdev, digits + 2),
        "n": study.n,
    }
    return [
        {"values": [("Cpk", number(study.cpk, 2)), ("Cp", number(study.cp, 2))], "note": within},
        {"values": [("Ppk", number(study.ppk, 2)), ("Pp", number(study.pp, 2))], "note": overall},
    ]


def _facts(chart: IndividualsChart, study: Capability | None, digits: int, unit: str) -> list[tuple[str, str]]:
    def with_unit(value: float | None) -> str:
        return f"{number(value, digits + 1)} {unit}" if value is not None else UNKNOWN

    return [
        (_("Values"), number(chart.n)),
        (_("Mean"), with_unit(chart.centre)),
        (_("Upper control limit (UCL)"), with_unit(chart.ucl)),
        (_("Lower control limit (LCL)"), with_unit(chart.lcl)),
        (_("Mean moving range"), with_unit(chart.mr_centre)),
        (_("Standard deviation"), with_unit(study.stdev if study else None)),
    ]


def _individuals(
    characteristic: Characteristic, measured: list[Measurement], chart: IndividualsChart, digits: int
) -> dict[str, Any]:
    drawn, _far = _specification(characteristic, measured, chart)
    limits = [
        *((name, value, "spec") for name, value in drawn),
        (_("UCL"), chart.ucl, "control"),
        (_("LCL"), chart.lcl, "control"),
        (_("Mean"), chart.centre if chart.ucl is not None else None, "center"),
    ]
    return {
        "kind": "individuals",
        "x": {"type": "number", "label": _("Value"), "values": list(range(1, len(measured) + 1))},
        "y": {"label": characteristic.name, "unit": characteristic.unit, "decimals": digits},
        "series": [{"name": characteristic.name, "values": [float(m.value) for m in measured]}],
        "limits": _known(limits, digits),
        "marks": [{"index": index, "name": _("beyond the control limits")} for index in chart.beyond],
    }


def _moving_range(characteristic: Characteristic, chart: IndividualsChart, digits: int) -> dict[str, Any]:
    ranges = [None, *chart.moving_ranges] if chart.moving_ranges else []
    return {
        "kind": "individuals",
        "x": {"type": "number", "label": _("Value"), "values": list(range(1, len(ranges) + 1))},
        "y": {"label": _("Moving range"), "unit": characteristic.unit, "decimals": digits, "min": 0},
        "series": [{"name": _("Moving range"), "values": ranges}],
        "limits": _known([(_("UCL"), chart.mr_ucl, "control"), (_("Mean"), chart.mr_centre, "center")], digits),
        "marks": [{"index": index + 1, "name": _("beyond the control limit")} for index in chart.mr_beyond],
    }


def _specification(
    characteristic: Characteristic, measured: list[Measurement], chart: IndividualsChart
) -> tuple[list[tuple[str, Decimal]], list[tuple[str, Decimal]]]:
    """Specification limits to draw, and those so far away that drawing them would flatten the values to a line."""
    limits = [(_("USL"), characteristic.upper_limit), (_("LSL"), characteristic.lower_limit)]
    known = [(name, value) for name, value in limits if value is not None]
    points = [float(m.value) for m in measured]
    points += [value for value in (chart.ucl, chart.lcl) if value is not None]
    low, high = min(points, default=0.0), max(points, default=0.0)
    reach = FAR_LIMIT * (high - low)
    far = [(name, value) for name, value in known if reach and not low - reach <= value <= high + reach]
    return [limit for limit in known if limit not in far], far


def _off_chart(far: list[tuple[str, Decimal]], unit: str) -> list[str]:
    return [
        _("%(name)s %(limit)s %(unit)s lies far off the chart.") % {"name": name, "limit": exact(limit), "unit": unit}
        for name, limit in far
    ]


def _known(limits: list[tuple[str, Any, str]], digits: int) -> list[dict[str, Any]]:
    """Computed limits carry one digit more than the values they come from."""
    return [
        {"name": name, "value": float(value), "kind": kind, "decimals": digits + (kind != "spec")}
        for name, value, kind in limits
        if value is not None
    ]


def _measurement_row(measurement: Measurement, n: int) -> dict[str, Any]:
    check = measurement.check_record
    return {
        "n": n,
        "at": moment(check.performed_at),
        "order": check.work_order,
        "piece": check.piece,
        "place": check.place,
        "value": exact(measurement.value),
        "lower": exact(measurement.lower_limit),
        "upper": exact(measurement.upper_limit),
        "verdict": measurement.verdict or "",
        "verdict_label": measurement.get_verdict_display() if measurement.verdict else UNKNOWN,
        "reported": measurement.reported_status,
        "by": str(check.performed_by),
    }
