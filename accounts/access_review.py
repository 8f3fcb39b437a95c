"""The list a periodic access review goes through (11.10(d)): every account, what it may, whether it is used."""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import SigningQualification, User

# Columns of floors above: a title, and what to write for each account that has something there.
MORE_COLUMNS: list[tuple[Any, Callable[[], dict[UUID, str]]]] = []

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute what begins so

Column = tuple[Any, Callable[[Any], str]]


def rows() -> Iterator[list[str]]:
    """The titles, then a row for each account, in the order of their names."""
    more = [(title, values()) for title, values in MORE_COLUMNS]
    yield [str(title) for title, _value in COLUMNS] + [str(title) for title, _values in more]
    for user in _accounts():
        cells = [value(user) for _title, value in COLUMNS] + [values.get(user.pk, "") for _title, values in more]
        yield [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells]


def as_csv() -> str:
    """With the mark by which spreadsheets know that it is UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows())
    return "\ufeff" + text.getvalue()


def _accounts() -> Iterable[User]:
    valid = SigningQualification.objects.filter(
        SigningQualification.valid_on(timezone.localdate()), user=OuterRef("pk")
    )
    until = Subquery(valid.order_by("-valid_until").values("valid_until")[:1])
    return User.objects.annotate(signs_until=until).prefetch_related("groups").order_by("username")


def _day(moment: dt.datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else ""


def _yes(answer: object) -> str:
    return _("yes") if answer else ""


def _kind(user: User) -> str:
    if not user.is_person:
        return _("program")
    return _("shared station") if user.is_station else _("person")


def _roles(user: User) -> str:
    held = [str(role.label) for role in user.roles()]
    return "; ".join([*([_("Administrator")] if user.is_superuser else []), *held])


def _dormant(user: User) -> str:
    """Also a program, which is never deactivated by itself, and where the plant does without the limit (90 days)."""
    seen = max(filter(None, [user.last_login, user.date_joined, user.unlocked_at]))
    return _yes(user.is_active and seen < timezone.now() - dt.timedelta(days=settings.DORMANT_DAYS or 90))


COLUMNS: tuple[Column, ...] = (
    (gettext_lazy("User name"), lambda user: user.username),
    (gettext_lazy("Printed name"), lambda user: user.printed_name),
    (gettext_lazy("Kind"), _kind),
    (gettext_lazy("Roles"), _roles),
    (gettext_lazy("Active"), lambda user: _yes(user.is_active)),
    (gettext_lazy("Locked since"), lambda user: _day(user.locked_at)),
    (gettext_lazy("Created"), lambda user: _day(user.date_joined)),
    (gettext_lazy("Last seen"), lambda user: _day(user.last_login)),
    (gettext_lazy("Dormant"), _dormant),
    (gettext_lazy("Right to sign until"), lambda user: str(user.signs_until or "")),
    (gettext_lazy("Signs in at the provider"), lambda user: _yes(user.uses_provider)),
    (gettext_lazy("Authenticator app since"), lambda user: _day(user.totp_since)),
    (gettext_lazy("Authenticator app revoked"), lambda user: _yes(user.has_lost_device())),
    (
        gettext_lazy("Password changed"),
        lambda user: _day(user.password_changed_at) if user.has_usable_password() else "",
    ),
    (gettext_lazy("Password due"), lambda user: _yes(user.password_is_due())),
)
