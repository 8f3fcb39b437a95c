"""The journal and its seals in the admin: looked at, newest first, never counted."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from audit.admin_base import ReadOnlyAdmin
from audit.models import JournalEntry, JournalSeal
from audit.paging import FirstPages


class NewestRows(ReadOnlyAdmin):
    """Lists the first pages by the key and sorts by nothing else: ten million rows are as fast as ten."""

    paginator = FirstPages
    sortable_by = ()


@admin.register(JournalEntry)
class JournalEntryAdmin(NewestRows):
    list_display = ("id", "moment", "op", "table_name", "pk_text", "actor_name", "reason_code", "reason", "source")
    ordering = ("-id",)
    fields = (
        *("id", "moment", "op", "table_name", "pk_text", "changed", "old", "new"),
        *("actor_id", "actor_type", "actor_name", "on_behalf_of", "reason_code", "reason", "request_id"),
        *("station", "source", "app_version", "db_user", "compliance_flags", "tx_at"),
    )
    search_fields = ("id",)
    search_help_text = _(
        "Number of an entry or id of a request. The newest 10,000 are listed; the page “Audit trail” finds the others."
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Only by what has an index."""
        if not search_term:
            return queryset, False
        wanted = Q(pk__in=[])
        if search_term.isdecimal() and len(search_term) < 19:
            wanted = Q(pk=int(search_term))
        elif (request_id := _uuid(search_term)) is not None:
            wanted = Q(request_id=request_id)
        return queryset.filter(wanted), False

    @display(description=_("at"))
    def moment(self, obj: JournalEntry) -> str:
        return localtime(obj.at).strftime("%Y-%m-%d %H:%M:%S %Z")


@admin.register(JournalSeal)
class JournalSealAdmin(NewestRows):
    list_display = ("moment", "epoch", "size", "root")
    ordering = ("-epoch", "-size")
    fields = ("moment", "epoch", "size", "root", "signed_note")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """By the key of the table: the key of a row of the view is made of two columns and has no index."""
        epoch, _dash, size = object_id.partition("-")
        if not (epoch.isdecimal() and size.isdecimal()) or len(epoch) > 9 or len(size) > 18:
            return None
        return self.get_queryset(request).filter(epoch=int(epoch), size=int(size)).first()

    @display(description=_("sealed at"))
    def moment(self, obj: JournalSeal) -> str:
        return localtime(obj.at).strftime("%Y-%m-%d %H:%M:%S %Z")

    @display(description=_("signed checkpoint"))
    def signed_note(self, obj: JournalSeal) -> str:
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', obj.note)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
