"""Which rows the account that acts may see and change, beside what its role permits.

The reason (it works on some lines only) belongs to a floor above, which hands its rule in (`AppConfig.ready`);
the doors and services below it ask here and know nothing of lines.
"""

from typing import Any, Protocol, TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


class Rule(Protocol):
    def is_limited(self, model: type[Model]) -> bool: ...
    def visible(self, queryset: QuerySet[Any]) -> QuerySet[Any]: ...
    def require_record(self, record: Any) -> None: ...
    def refusal(self, record: Any) -> str: ...


class _Given:
    rule: Rule


def provide(rule: Rule) -> None:
    """The app that owns the rule hands it in. Without one every question below fails: nothing is open by accident."""
    _Given.rule = rule


def is_limited(model: type[Model]) -> bool:
    """Whether rows of this model are kept from some accounts at all."""
    return _Given.rule.is_limited(model)


def visible(queryset: QuerySet[Row]) -> QuerySet[Row]:
    """The rows of it the account may see; the same queryset for an account without limits."""
    return _Given.rule.visible(queryset)


def require_record(record: Model) -> None:
    """Refuse (MissingPermission) to change a record, as it is now, that is not within the account's reach."""
    _Given.rule.require_record(record)


def refusal(record: Model) -> str:
    """Why the account may not change the record, or ""; for pages that show a greyed button."""
    return _Given.rule.refusal(record)
