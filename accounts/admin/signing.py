from typing import Any

from django.contrib import admin
from django.contrib.admin.filters import EmptyFieldListFilter
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.models import (
    Acknowledgement,
    ProviderConfirmation,
    SigningQualification,
    SigningStatement,
    TemporaryCode,
)
from accounts.services import qualifications, statements
from accounts.services.qualifications import QUALIFY
from accounts.services.statements import ISSUE
from audit.admin_base import ReadOnlyAdmin, ServiceAdmin
from audit.admin_forms import ReasonForm, ServiceForm, posted, step_page

END = "accounts.change_signingqualification"
ENTERED = ("user", "document_class", "training", "valid_from", "valid_until")


class QualificationForm(ServiceForm):
    class Meta:
        model = SigningQualification
        fields = ENTERED
        help_texts = {"document_class": _("You saw this document and instructed the person about signing.")}


@admin.register(SigningQualification)
class SigningQualificationAdmin(ServiceAdmin, ReadOnlyAdmin):
    """Given by another person than its owner; never edited, only ended."""

    list_display = ("user", "document_class", "training", "valid_from", "valid_until", "ended_at", "checked_by")
    list_filter = ("document_class", ("ended_at", EmptyFieldListFilter))
    search_fields = ("user__username", "user__printed_name")
    ordering = ("-checked_at",)
    list_select_related = ("user", "checked_by")
    autocomplete_fields = ("user",)
    form = QualificationForm
    actions_detail = ("end",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(QUALIFY)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else ()

    def get_fields(self, request: HttpRequest, obj: SigningQualification | None = None) -> Any:
        return (*ENTERED, "checked_by", "checked_at", "ended_at") if obj else ENTERED

    def save_model(
        self, request: HttpRequest, obj: SigningQualification, form: QualificationForm, change: bool
    ) -> None:
        entered = form.cleaned_data
        saved = qualifications.qualify(
            user_id=entered["user"].pk,
            **{name: entered[name] for name in ENTERED[1:]},
        )
        obj.pk, obj._state.adding = saved.pk, False

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        return super().get_actions_detail(request, object_id) if request.user.has_perm(END) else []

    @action(description=_("End the right to sign"), url_path="end", icon="block")
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        right = self.record(request, object_id, permission=END)
        return step_page(
            request,
            self,
            form=ReasonForm(posted(request)),
            act=lambda entered: qualifications.end_qualification(qualification_id=right.pk, reason=entered["reason"]),
            title=_("End the right to sign of %(name)s") % {"name": right.user},
            button=_("End the right to sign"),
            done=_("%(name)s may not sign any more.") % {"name": right.user},
            back=self.page_of(right),
        )


class StatementForm(ServiceForm):
    class Meta:
        model = SigningStatement
        fields = ("text_en", "text_ja", "effective_from")


@admin.register(SigningStatement)
class SigningStatementAdmin(ServiceAdmin, ReadOnlyAdmin):
    """Another text is another revision; none is ever edited."""

    list_display = ("revision", "effective_from", "text_en")
    ordering = ("-revision",)
    form = StatementForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ISSUE)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else ()

    def get_fields(self, request: HttpRequest, obj: SigningStatement | None = None) -> Any:
        entered = ("effective_from", "text_en", "text_ja")
        return ("revision", *entered) if obj else entered

    def save_model(self, request: HttpRequest, obj: SigningStatement, form: StatementForm, change: bool) -> None:
        saved = statements.issue(**form.cleaned_data)
        obj.pk, obj.revision, obj._state.adding = saved.pk, saved.revision, False


@admin.register(Acknowledgement)
class AcknowledgementAdmin(ReadOnlyAdmin):
    list_display = ("user", "statement", "at")
    list_filter = ("statement",)
    search_fields = ("user__username", "user__printed_name")
    list_select_related = ("user", "statement")
    ordering = ("-at",)
    fields = ("user", "statement", "at")


@admin.register(ProviderConfirmation)
class ProviderConfirmationAdmin(ReadOnlyAdmin):
    list_display = ("user", "authenticated_at", "made_at", "used_at")
    search_fields = ("user__username", "user__printed_name")
    list_select_related = ("user",)
    ordering = ("-made_at",)
    fields = ("user", "authenticated_at", "made_at", "used_at")


@admin.register(TemporaryCode)
class TemporaryCodeAdmin(ReadOnlyAdmin):
    """Given out and revoked on the pages about lost devices; here is who had which, and until when."""

    list_display = ("user", "issued_by", "document_class", "issued_at", "expires_at", "once", "ended_at", "ended_why")
    list_filter = ("document_class", "ended_why")
    search_fields = ("user__username", "user__printed_name")
    list_select_related = ("user", "issued_by")
    ordering = ("-issued_at",)
    fields = list_display
