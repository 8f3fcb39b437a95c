"""Leafing through lists that may be very long."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property


class FirstPages(Paginator):
    """Of a list that may hold a million: counts and leafs through its first MOST only, and says that there are more."""

    MOST = 10_000

    @cached_property
    def counted(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[: self.MOST + 1].count()

    @property
    def count(self) -> int:
        return min(self.counted, self.MOST)

    @property
    def has_more(self) -> bool:
        return self.counted > self.MOST

    def page(self, number: int | str) -> Page[Any]:
        """Always asks for a whole page. Asked for the one row there is, PostgreSQL would look for it in list order."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        rows: Any = self.object_list
        found = rows[first : min(first + self.per_page, self.MOST)] if self.count else rows.none()
        return Page(found, number, self)
