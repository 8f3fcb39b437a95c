"""What this tablet or PC is called: said once by who sets it up, then part of what is known of every act done on it."""

import structlog
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from audit.context import current_act
from audit.stations import MAX_NAME, keep_station
from mfg_project.common.pages import allowed

log = structlog.get_logger(__name__)


class DeviceForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("This device is called"),
        required=False,
        max_length=MAX_NAME,
        help_text=gettext_lazy("For example “Line 1, tablet at the press”. Empty: it has no name."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


@require_http_methods(["GET", "HEAD", "POST"])
@allowed("production.view_joborder", "equipment.change_equipment")
def device(request: HttpRequest) -> HttpResponse:
    """A device of the floor is named by who may change its machines, so no operator is elsewhere at will."""
    before = current_act().station
    form = DeviceForm(request.POST or None, initial={"name": before})
    if request.method != "POST" or not form.is_valid():
        return render(request, "production/device.html", {"form": form}, status=422 if form.errors else 200)
    name = form.cleaned_data["name"]
    log.info("station_named", name=name, before=before, by=request.user.get_username())
    messages.success(
        request,
        _("This device is now called “%(name)s”.") % {"name": name} if name else _("This device has no name now."),
    )
    response = redirect("production:terminal-device")
    keep_station(response, name, secure=request.is_secure())
    return response
