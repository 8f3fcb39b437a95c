"""Rights per line (docs/decisions/0008): the one home of the rule who works where.

An account with line assignments sees and acts on those lines only; one without works on the whole plant, as do
administrators, programs outside a request, and the system's own tasks. What the role permits is asked besides.

A model says where its line is: `LINE`, a path over to-one links ("line", "job_order__production_line"), or a class
method `on_lines(lines)` that gives the condition where one path does not say it. Without either it is master data of
the whole plant. Evidence (`IS_EVIDENCE`) is seen with the record it is about.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from django.apps import apps
from django.db.models import CharField, Model, Q, QuerySet
from django.db.models.functions import Cast
from django.utils.functional import lazy
from django.utils.translation import gettext as _

from audit.context import current_act_or_none
from audit.errors import InvalidInput, OutsideScope
from audit.models import AuditedModel
from equipment.models import LineAssignment, ProductionLine

Row = TypeVar("Row", bound=Model)
Lines = frozenset[UUID]


def lines_of(user: Any) -> Lines | None:
    """The lines a user works on; None is the whole plant. One query in each act (a request is one)."""
    if not user.is_authenticated:
        return frozenset()
    if user.is_superuser:
        return None
    act = current_act_or_none()
    act_id, lines = getattr(user, "_lines_in_act", (None, None))
    if act is None or act_id != act.id:
        rows = LineAssignment.objects.filter(user_id=user.pk, is_active=True)
        lines = frozenset(rows.values_list("line_id", flat=True)) or None
        if act:
            user._lines_in_act = (act.id, lines)
    return lines


def lines_in_scope() -> Lines | None:
    """The lines of who acts. Outside an act (a command, a task that only reads) it is the whole plant."""
    act = current_act_or_none()
    return lines_of(act.actor) if act else None


def names_in_scope() -> list[str]:
    """The names of those lines, to tell a person where he works; empty for the whole plant."""
    lines = lines_in_scope()
    return [] if lines is None else _names(lines, "line_name")


def is_limited(model: type[Model]) -> bool:
    return hasattr(model, "on_lines") or hasattr(model, "LINE") or hasattr(model, "IS_EVIDENCE")


def visible(queryset: QuerySet[Row]) -> QuerySet[Row]:
    """The rows who acts may see; for the whole plant the very same queryset."""
    if not is_limited(queryset.model):
        return queryset
    lines = lines_in_scope()
    return queryset if lines is None else queryset.filter(condition(queryset.model, lines))


def condition(model: Any, lines: Lines) -> Q:
    """What holds for the rows of `model` that belong to `lines`. Never a join that could repeat a row."""
    if hasattr(model, "on_lines"):
        return model.on_lines(lines)
    if hasattr(model, "LINE"):
        return Q(**{f"{model.LINE}__in": lines})
    return _evidence_on(lines)


def require_line(line_id: UUID | None) -> None:
    """Refuse (403) to act on a line that who acts does not work on; what has no line is for the whole plant."""
    lines = lines_in_scope()
    if lines is not None and line_id not in lines:
        raise _outside(lines)


def require_target(line_id: UUID | None) -> None:
    """The same for the line an order is given: who works on some lines has to name one of them."""
    lines = lines_in_scope()
    if lines is not None and line_id is None:
        text = _("Name one of your lines: %(lines)s.") % {"lines": ", ".join(_names(lines, "line_code"))}
        raise InvalidInput(text, fields={"production_line_id": text})
    require_line(line_id)


def require_whole_plant() -> None:
    """Refuse what an account that works on some lines only may not do at all."""
    require_line(None)


def require_record(record: Any) -> None:
    """The same for a record: by the line it names, else it has to be one that is seen. Master data is free."""
    lines = lines_in_scope() if is_limited(type(record)) else None
    if lines is None:
        return
    if hasattr(record, "LINE"):
        require_line(_line_of(record))
    elif not record._state.adding and not visible(type(record)._base_manager.filter(pk=record.pk)).exists():
        raise _outside(lines)


def refusal(record: Any) -> str:
    try:
        require_record(record)
    except OutsideScope as refused:
        return str(refused)
    return ""


def _line_of(record: Any) -> UUID | None:
    """`LINE` followed on the record itself: "line" is `line_id`, "job_order__production_line" goes over the job."""
    *links, last = record.LINE.split("__")
    for link in links:
        record = getattr(record, link)
    field = record._meta.pk if last == "pk" else record._meta.get_field(last)
    found: UUID | None = getattr(record, field.attname)
    return found


def _outside(lines: Lines) -> OutsideScope:
    codes = _names(lines, "line_code")
    return OutsideScope(lazy(_outside_words, str)(codes), lines=codes)  # lazy: the page says it in two languages


def _outside_words(codes: list[str]) -> str:
    return _("Your account works on these lines only: %(lines)s.") % {"lines": ", ".join(codes)}


def _names(lines: Iterable[UUID], field: str) -> list[str]:
    rows = ProductionLine.objects.filter(pk__in=lines).order_by("line_code")
    return list(rows.values_list(field, flat=True))


@cache
def _records_with_evidence() -> list[type[Model]]:
    return [model for model in apps.get_models() if issubclass(model, AuditedModel) and is_limited(model)]


def _evidence_on(lines: Lines) -> Q:
    """Evidence of what is no line's business, and of the records that are visible."""
    models = _records_with_evidence()
    found = ~Q(record_label__in=[model._meta.label_lower for model in models])
    for model in models:
        rows = model._default_manager.filter(condition(model, lines)).annotate(key=Cast("pk", CharField()))
        found |= Q(record_label=model._meta.label_lower, record_pk__in=rows.values("key"))
    return found
