"""Key figures as tiles that explain themselves, and losses as bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from mfg_project.common.formats import hours, number, percent
from production.kpi_formulas import KeyFigures
from production.queries.kpi import Loss, StopReason, Waterfall

SCALE = 1000  # width of a bar that is the whole planned time
STOPS_SHOWN = 8
FILLS = {
    "no_data": "no_data",
    "setup": "setup",
    "stop": "stopped",
    "idle": "idle",
    "speed": "loss",
    "quality": "loss",
}


@dataclass(frozen=True, slots=True)
class Tile:
    name: str
    label: str
    value: str  # "" where it is not known
    before: str
    why_unknown: str
    formula: list[str]
    hint: str = ""  # a figure that points at wrong master data
    is_result: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    time: str
    share: str
    x: float
    width: float
    fill: str
    is_total: bool = False
    is_worst: bool = False
    note: str = ""


def tiles(now: KeyFigures, before: KeyFigures) -> list[Tile]:
    return [_oee(now, before), _availability(now, before), _effectiveness(now, before), _quality(now, before)]


def on_time_tile(now: KeyFigures, before: KeyFigures) -> Tile:
    values = {"on_time": number(now.on_time_completions), "completed": number(now.completed_work_orders)}
    return _tile(
        "on_time",
        _("On time delivery"),
        now.on_time_rate,
        before.on_time_rate,
        _("No order was completed."),
        [_("on time / completed = %(on_time)s / %(completed)s orders") % values],
    )


def _tile(
    name: str, label: str, value: float | None, before: float | None, why: str, formula: list[str], **more: Any
) -> Tile:
    return Tile(
        name=name,
        label=label,
        value="" if value is None else percent(value),
        before="" if before is None else percent(before),
        why_unknown=why if value is None else "",
        formula=formula,
        **more,
    )


def _oee(now: KeyFigures, before: KeyFigures) -> Tile:
    values = {
        "a": percent(now.availability),
        "e": percent(now.effectiveness),
        "q": percent(now.quality_rate),
        "oee": percent(now.oee),
    }
    formula = [
        _("availability × performance × quality"),
        _("%(a)s × %(e)s × %(q)s = %(oee)s") % values,
        _("Sums first, ratios last: no average of averages."),
    ]
    return _tile("oee", _("OEE"), now.oee, before.oee, _why_no_oee(now), formula, is_result=True)


def _why_no_oee(now: KeyFigures) -> str:
    return _why_no_availability(now) if now.availability is None else _why_no_effectiveness(now)


def _availability(now: KeyFigures, before: KeyFigures) -> Tile:
    values = {"running": hours(now.running_s), "planned": hours(now.planned_busy_s)}
    formula = [_("running / planned busy = %(running)s / %(planned)s") % values]
    formula.append(_("Planned busy: shifts and work outside them, without planned stops and maintenance."))
    if now.no_data_s:
        formula.append(_("Left out: %(time)s of planned time without data.") % {"time": hours(now.no_data_s)})
    why = _why_no_availability(now)
    return _tile("availability", _("Availability"), now.availability, before.availability, why, formula)


def _why_no_availability(now: KeyFigures) -> str:
    if now.planned_busy_s is None:
        return _("No shift is planned, or no state is known.")
    return _("The planned time is 0.")


def _effectiveness(now: KeyFigures, before: KeyFigures) -> Tile:
    values = {"standard": hours(now.standard_s), "running": hours(now.running_s), "n": number(now.produced)}
    formula = [
        _("standard time / running = %(standard)s / %(running)s") % values,
        _("Standard time: %(n)s pieces, each at the run time of its operation.") % values,
    ]
    hint = ""
    if now.effectiveness is not None and now.effectiveness > 100:
        hint = _("More than 100 %: a standard time per piece is longer than the real one. Correct it in the routing.")
    why = _why_no_effectiveness(now)
    return _tile("performance", _("Performance"), now.effectiveness, before.effectiveness, why, formula, hint=hint)


def _why_no_effectiveness(now: KeyFigures) -> str:
    return _("No line ran.") if not now.running_s else _("No piece was counted.")


def _quality(now: KeyFigures, before: KeyFigures) -> Tile:
    values = {"good": number(now.good), "all": number(now.produced), "scrap": number(now.scrap)}
    formula = [
        _("good / all pieces = %(good)s / %(all)s") % values,
        _("Not good: %(scrap)s scrap, %(rework)s rework.") % (values | {"rework": number(now.rework)}),
    ]
    why = _("No piece was counted.")
    return _tile("quality", _("Quality ratio"), now.quality_rate, before.quality_rate, why, formula)


def waterfall_bars(waterfall: Waterfall) -> list[Bar]:
    """From the planned time down to OEE. Empty where nobody knows what was planned."""
    planned = waterfall.planned_s
    if not planned:
        return []
    losses = [loss for loss in _grouped(waterfall.losses) if round(loss.seconds)]
    worst = max(losses, key=lambda loss: loss.seconds, default=None)
    bars = [Bar(_("Planned time"), hours(planned), percent(100), 0, SCALE, "rest", is_total=True)]
    right = float(SCALE)
    for loss in losses:
        width = abs(loss.seconds) / planned * SCALE
        x = right - width if loss.seconds > 0 else right
        right = x if loss.seconds > 0 else right + width
        bars.append(
            Bar(
                loss.label,
                hours(loss.seconds),
                percent(100 * loss.seconds / planned),
                round(x, 1),
                round(width, 1),
                FILLS[loss.kind],
                is_worst=loss is worst and loss.seconds > 0,
                note=_("faster than standard") if loss.seconds < 0 else "",
            )
        )
    left = waterfall.effective_s
    label = _("Good pieces at standard speed") if left is not None else _("Running")
    left = waterfall.figures.running_s if left is None else left
    share = left / planned
    bars.append(Bar(label, hours(left), percent(100 * share), 0, round(share * SCALE, 1), "running", is_total=True))
    return bars


def _grouped(losses: Sequence[Loss]) -> list[Loss]:
    """The costliest stop reasons by name, the many small ones as one bar."""
    stops = [loss for loss in losses if loss.kind == "stop"]
    small = stops[STOPS_SHOWN:]
    if len(small) < 2:
        return list(losses)
    other = Loss("stop", _("%(n)s other reasons") % {"n": len(small)}, sum(loss.seconds for loss in small))
    first_small = losses.index(small[0])
    kept = [loss for loss in losses if loss not in small]
    return [*kept[:first_small], other, *kept[first_small:]]


def pareto_bars(stops: Sequence[StopReason]) -> list[Bar]:
    """Stop reasons, costliest first, with how much of all stopped time they and those above explain."""
    total = sum(stop.seconds for stop in stops)
    longest = max((stop.seconds for stop in stops), default=0)
    bars, so_far = [], 0.0
    for stop in stops[:12]:
        so_far += stop.seconds
        bars.append(
            Bar(
                stop.label,
                hours(stop.seconds),
                percent(100 * so_far / total, 0) if total else "",
                0,
                round(stop.seconds / longest * SCALE, 1) if longest else 0,
                "stopped" if stop.reason else "no_data",
                note=str(stop.stops),
            )
        )
    return bars
