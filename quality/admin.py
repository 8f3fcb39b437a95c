from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.access import visible
from audit.admin_base import AuditedAdmin, ReadOnlyAdmin, VisibleValuesFilter, tones
from audit.admin_forms import posted, step_page
from audit.context import uuid7
from mfg_project.common.formats import exact
from production.models import WorkOrder
from quality.enums import Verdict
from quality.models import Characteristic, Measurement, QualityCheck
from quality.services.checks import MeasuredValue, record_check

RECORD = "quality.record_check"
VERDICT_COLOURS = tones(Verdict, {Verdict.FAIL: "danger"})


@admin.register(Characteristic)
class CharacteristicAdmin(AuditedAdmin):
    list_display = ("product", "code", "name", "limits", "unit", "operation_sequence", "is_informational", "is_active")
    list_filter = (("product", AutocompleteSelectFilter), "kind", "is_informational", "is_active")
    list_select_related = ("product",)
    search_fields = ("code", "name", "product__product_code", "product__product_name")
    ordering = ("product__product_code", "code")
    autocomplete_fields = ("product",)
    fields = (
        "product",
        "code",
        "name",
        "kind",
        "operation_sequence",
        "unit",
        "target",
        "lower_limit",
        "upper_limit",
        "is_informational",
        "is_active",
    )

    @admin.display(description=_("limits"))
    def limits(self, obj: Characteristic) -> str:
        return _limits(obj)


def _limits(of: Any) -> str:
    return f"{exact(of.lower_limit)} … {exact(of.upper_limit)}"


class CheckForm(forms.Form):
    """One field a characteristic of the product; what is left empty was not measured."""

    client_token = forms.UUIDField(widget=forms.HiddenInput)  # a second click finds the first one's check
    piece = forms.CharField(label=_("Piece"), max_length=50, required=False, widget=UnfoldAdminTextInputWidget)
    test_type = forms.CharField(
        label=_("Test"), max_length=50, initial="dimensional", widget=UnfoldAdminTextInputWidget
    )
    place = forms.CharField(
        label=_("Place"),
        max_length=50,
        required=False,
        help_text=_("Laboratory or station."),
        widget=UnfoldAdminTextInputWidget,
    )
    job = forms.ModelChoiceField(
        None, label=_("Job"), required=False, empty_label=_("The whole order"), widget=UnfoldAdminSelectWidget
    )
    comment = forms.CharField(label=_("Comment"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget)

    def __init__(self, *args: Any, order: WorkOrder, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        jobs = order.job_orders.select_related("work_order").order_by("sequence")
        self.fields["job"].queryset = jobs
        self.of_field = {
            f"value_{characteristic.pk}": characteristic
            for characteristic in order.product.characteristics.filter(is_active=True).order_by("code")
        }
        for name, characteristic in self.of_field.items():
            self.fields[name] = forms.DecimalField(
                label=f"{characteristic.code} {characteristic.name} ({characteristic.unit})",
                required=False,
                help_text=_limits(characteristic),
                widget=UnfoldAdminDecimalFieldWidget,
            )

    def measured(self) -> list[MeasuredValue]:
        return [
            MeasuredValue(characteristic_id=characteristic.pk, value=self.cleaned_data[name])
            for name, characteristic in self.of_field.items()
            if self.cleaned_data[name] is not None
        ]


class MeasurementInline(TabularInline):
    model = Measurement
    fields = readonly_fields = ("characteristic", "value", "lower_limit", "upper_limit", "verdict", "reported_status")
    extra = 0
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("characteristic")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(QualityCheck)
class QualityCheckAdmin(ReadOnlyAdmin):
    """Recorded once, through the service; read afterwards."""

    list_display = ("performed_at", "work_order", "piece", "test_type", "result_shown", "place", "performed_by")
    list_filter = ("result", "test_type", "place", ("performed_at", RangeDateTimeFilter))
    list_select_related = ("work_order", "performed_by")
    search_fields = ("piece", "work_order__work_order_number", "work_order__product__product_code", "comment")
    date_hierarchy = "performed_at"
    ordering = ("-performed_at",)
    fields = (
        "work_order",
        "job_order",
        "piece",
        "test_type",
        "place",
        "result",
        "performed_at",
        "performed_by",
        "comment",
        "client_token",
        "created_at",
    )
    inlines = (MeasurementInline,)

    @display(description=_("result"), ordering="result", label=VERDICT_COLOURS)
    def result_shown(self, obj: QualityCheck) -> tuple[str, str] | None:
        return (obj.result, obj.get_result_display()) if obj.result else None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RECORD)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self.must_hold(request, RECORD)
        order = _order(request.GET.get("work_order", ""))
        if order is None:
            return self._choose_order(request)
        form = CheckForm(posted(request), order=order, initial={"client_token": uuid7()})
        return step_page(
            request,
            self,
            form=form,
            act=lambda entered: record_check(
                work_order_id=order.pk,
                job_order_id=entered["job"] and entered["job"].pk,
                piece=entered["piece"],
                test_type=entered["test_type"],
                place=entered["place"],
                comment=entered["comment"],
                client_token=entered["client_token"],
                values=form.measured(),
            ),
            title=_("Record a check on %(order)s") % {"order": order.work_order_number},
            button=_("Record the check"),
            done=_("The check is recorded."),
            back=reverse("admin:quality_qualitycheck_changelist"),
            explanation=_("%(product)s: leave empty what was not measured.") % {"product": order.product},
        )

    def _choose_order(self, request: HttpRequest) -> HttpResponse:
        field = QualityCheck._meta.get_field("work_order")
        form = forms.Form()
        form.fields["work_order"] = forms.ModelChoiceField(
            WorkOrder.objects.all(), label=_("Work order"), widget=AutocompleteSelect(field, self.admin_site)
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Which order was checked?"),
            "form": form,
            "media": self.media + form.media,
        }
        request.current_app = self.admin_site.name
        return render(request, "admin/quality/choose_order.html", context)


def _order(key: str) -> WorkOrder | None:
    try:
        return visible(WorkOrder.objects.select_related("product").filter(pk=UUID(key))).first()
    except (ValueError, ValidationError):
        return None


@admin.register(Measurement)
class MeasurementAdmin(ReadOnlyAdmin):
    list_display = ("check_record", "characteristic", "value_shown", "limits", "verdict_shown", "reported_status")
    list_filter = (
        "verdict",
        ("characteristic", AutocompleteSelectFilter),
        ("check_record__test_type", VisibleValuesFilter),
    )
    list_select_related = ("check_record", "characteristic")
    search_fields = ("check_record__piece", "check_record__work_order__work_order_number", "characteristic__code")
    ordering = ("-id",)
    fields = ("check_record", "characteristic", "value_shown", "limits", "verdict", "reported_status")

    @admin.display(description=_("value"), ordering="value")
    def value_shown(self, obj: Measurement) -> str:
        return exact(obj.value)

    @admin.display(description=_("limits"))
    def limits(self, obj: Measurement) -> str:
        return _limits(obj)

    @display(description=_("verdict"), ordering="verdict", label=VERDICT_COLOURS)
    def verdict_shown(self, obj: Measurement) -> tuple[str, str] | None:
        return (obj.verdict, obj.get_verdict_display()) if obj.verdict else None
