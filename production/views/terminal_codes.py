"""What a scanner may say to the terminal, and the sheet that prints it.

`WO-…` or `WO-…/10` chooses a job; `GENBA:` begins a command. Both are read without regard to case.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit.errors import InvalidInput
from equipment.enums import ReasonKind
from equipment.models import ReasonCode
from mfg_project.common.pages import allowed
from production.queries.order_list import lines_to_filter
from production.views.inputs import plain_text

PREFIX = "GENBA"
COUNTS = ("GOOD", "SCRAP", "REWORK")
WITH_REASON = ("HOLD", "STOP")
PLAIN = ("START", "COMPLETE", "RUN", "SETUP", "UNDO")
SHEET_COUNTS = (1, 5, 10, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`name` is "" for a job code, which then stands in `text`."""

    name: str
    text: str = ""
    amount: Decimal = Decimal(0)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PrintedCode:
    code: str
    label: str
    qr: SafeString


def read_code(text: str) -> Command:
    """The command a code means. Raises InvalidInput for what no sheet prints."""
    code = plain_text(text, at_most=80).upper()
    if not code:
        raise InvalidInput(_("Scan a code first."))
    if not code.startswith(f"{PREFIX}:"):
        return Command(name="", text=code)
    name, *arguments = code.split(":")[1:]
    if name in PLAIN and not arguments:
        return Command(name=name)
    if name in WITH_REASON and len(arguments) == 1 and arguments[0]:
        return Command(name=name, reason=arguments[0])
    if name in COUNTS and 1 <= len(arguments) <= 2:
        return Command(name=name, amount=_amount(arguments[0], text), reason="".join(arguments[1:]))
    if name == "LINE" and arguments:
        return Command(name=name, text=":".join(arguments))
    raise _unknown(text)


def _amount(digits: str, text: str) -> Decimal:
    try:
        amount = Decimal(digits)
    except InvalidOperation:
        raise _unknown(text) from None
    if not amount.is_finite():
        raise _unknown(text)
    return amount


def _unknown(text: str) -> InvalidInput:
    return InvalidInput(_("The code “%(code)s” means nothing here.") % {"code": plain_text(text, at_most=60)})


@require_safe
@allowed("production.view_joborder")
def terminal_codes(request: HttpRequest) -> HttpResponse:
    """A sheet to print and hang beside the terminal."""
    return render(request, "production/terminal_codes.html", {"groups": _sheet()})


def _sheet() -> list[dict[str, Any]]:
    reasons: dict[str, list[ReasonCode]] = {kind: [] for kind in ReasonKind.values}
    for reason in ReasonCode.objects.filter(is_active=True).order_by("sort_order", "name"):
        reasons[reason.kind].append(reason)
    groups = [
        (
            _("Job"),
            [("START", _("Start or continue")), ("COMPLETE", _("Complete")), ("UNDO", _("Undo the last count"))],
        ),
        (_("Count good pieces"), [(f"GOOD:{n}", _("%(n)s good") % {"n": n}) for n in SHEET_COUNTS]),
        (_("Count one piece of scrap"), [(f"SCRAP:1:{r.code}", r.label) for r in reasons[ReasonKind.SCRAP]]),
        (_("Count one piece for rework"), [(f"REWORK:1:{r.code}", r.label) for r in reasons[ReasonKind.SCRAP]]),
        (_("Hold the job"), [(f"HOLD:{r.code}", r.label) for r in reasons[ReasonKind.HOLD]]),
        (
            _("The line"),
            [
                ("RUN", _("Line runs")),
                ("SETUP", _("Setup begins")),
                *((f"STOP:{r.code}", r.label) for r in reasons[ReasonKind.STOP]),
            ],
        ),
        (_("Go to the terminal of"), [(f"LINE:{line.line_code}", line.line_name) for line in lines_to_filter()]),
    ]
    return [
        {"title": title, "codes": [_printed(f"{PREFIX}:{code}".upper(), label) for code, label in codes]}
        for title, codes in groups
        if codes
    ]


def _printed(code: str, label: str) -> PrintedCode:
    drawn = segno.make_qr(code, error="m").svg_inline(omitsize=True, border=4, svgclass="qr", lineclass=None)
    return PrintedCode(code, label, mark_safe(drawn))  # noqa: S308 the library draws paths only, no text of ours
