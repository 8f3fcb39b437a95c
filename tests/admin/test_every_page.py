"""Every page of every model in the admin: it opens, it costs a constant number of queries, it deletes nothing."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from audit.admin_base import HistoryAdmin, ReadOnlyAdmin, StrictAdmin
from tests import factories
from tests.admin.world import world

pytestmark = pytest.mark.django_db

OUR_APPS = ("accounts", "audit", "equipment", "telemetry", "inventory", "production", "quality")
OURS = {
    model._meta.label_lower: model_admin
    for model, model_admin in admin.site._registry.items()
    if model._meta.app_label in OUR_APPS
}
EDITABLE = {label for label, model_admin in OURS.items() if not isinstance(model_admin, ReadOnlyAdmin)}
READ_ONLY = set(OURS) - EDITABLE
WITH_HISTORY = sorted(label for label, found in OURS.items() if isinstance(found, HistoryAdmin))
NO_SINGLE_KEY = {"production.kpidaily"}
# Written by the sealer's role alone, in transactions of its own: opened in tests/audit/test_trail_api.py.
SEALED = {"audit.journalseal"}


def url(label, page, *args):
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def any_pk(label):
    return apps.get_model(label)._base_manager.values_list("pk", flat=True).first()


def test_every_model_of_ours_is_registered():
    models = {
        model._meta.label_lower
        for app in OUR_APPS
        for model in apps.get_app_config(app).get_models()
        if not model._meta.model_name.startswith("historical")
    }

    assert models - set(OURS) == NO_SINGLE_KEY


def test_none_of_them_can_delete(rf, as_admin):
    request = rf.get("/admin/")
    request.user = as_admin

    for model_admin in OURS.values():
        assert isinstance(model_admin, StrictAdmin)
        assert not model_admin.has_delete_permission(request)
        assert "delete_selected" not in model_admin.get_actions(request)


def queries_of(client, label):
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url(label, "changelist")).status_code == 200
    return len(seen)


def test_every_list_costs_the_same_for_one_row_and_for_three(as_superuser, one):
    for label in OURS:
        queries_of(as_superuser, label)  # content types are remembered by the process from now on

    few = {label: queries_of(as_superuser, label) for label in OURS}
    world()
    world()
    many = {label: queries_of(as_superuser, label) for label in OURS}

    assert many == few


def test_the_page_of_every_record_opens(as_superuser, one):
    seen = {}
    for label in set(OURS) - SEALED:
        page = as_superuser.get(url(label, "change", any_pk(label)))
        history = as_superuser.get(url(label, "history", any_pk(label)))
        seen[label] = (page.status_code, history.status_code, 'name="_save"' in page.content.decode())

    assert seen == {label: (200, 200, label in EDITABLE) for label in set(OURS) - SEALED}


def test_the_page_of_a_new_record_opens_where_one_can_be_made(as_superuser, one):
    seen = {label for label in OURS if as_superuser.get(url(label, "add")).status_code == 200}

    assert seen == EDITABLE - {"equipment.site"} | {
        "quality.qualitycheck",
        "accounts.signingqualification",
        "accounts.signingstatement",
        "audit.legalhold",
    }


def test_every_change_asks_for_its_reason_and_a_new_record_for_none(as_superuser, one):
    for label in sorted(EDITABLE):
        changing = as_superuser.get(url(label, "change", any_pk(label)))
        making = as_superuser.get(url(label, "add"))
        asked = re.findall(r'<input[^>]*name="[^"]*change_reason"[^>]*>', changing.content.decode())
        assert (label, len(asked)) == (label, 1)
        assert " required" in asked[0]
        assert changing.context["adminform"].form.fields["change_reason"].required
        assert "change_reason" not in making.content.decode()


@pytest.mark.parametrize("key", ["nonsense", "0", "00000000-0000-7000-8000-000000000000", "a_00b"])
def test_a_key_that_does_not_exist_is_not_an_error(as_superuser, key):
    pages = [url(label, page, key) for label in OURS for page in ("change", "history", "delete")]

    assert {as_superuser.get(page).status_code for page in pages} <= {302, 403, 404}


def test_the_auditor_reads_everything_and_finds_no_button_that_writes(as_auditor, one):
    for label in sorted(set(OURS) - SEALED):
        pk = any_pk(label)
        listing, record = as_auditor.get(url(label, "changelist")), as_auditor.get(url(label, "change", pk))
        assert (label, listing.status_code, record.status_code) == (label, 200, 200)
        for page in (listing, record):
            assert 'name="_save"' not in page.content.decode()
            assert f'href="{url(label, "add")}' not in page.content.decode()
        for page in (url(label, "change", pk), url(label, "delete", pk), url(label, "add")):
            assert as_auditor.post(page, {"post": "yes"}).status_code == 403


def test_a_version_of_the_past_is_shown_and_cannot_be_restored(as_superuser, one):
    for label in WITH_HISTORY:
        record = apps.get_model(label)._base_manager.first()
        past = url(label, "simple_history", record.pk, record.history.latest().history_id)
        page = as_superuser.get(past)
        form = page.content.decode().split('id="content-main"')[1].split("</form>")[0]
        assert (label, page.status_code) == (label, 200)
        assert [
            part for part in form.split("<")[1:] if part.startswith(("select", "textarea", 'input type="text"'))
        ] == []
        assert as_superuser.post(past, {}).status_code == 403
        assert as_superuser.get(url(label, "simple_history", record.pk, "x")).status_code == 404


def test_histories_are_for_who_reads_evidence(client, user_of, one):
    client.force_login(user_of("inspector"))

    assert {client.get(url(label, "history", any_pk(label))).status_code for label in WITH_HISTORY} == {403}


def test_every_list_can_be_searched_and_narrowed(as_superuser):
    for label in OURS:
        listing = url(label, "changelist")
        for query in ({"q": "x 😀 ' %"}, {"q": "a\x00b"}, {"p": "-1"}, {"nonsense": "x"}):
            response = as_superuser.get(listing, query, follow=True)
            assert (label, query, response.status_code) == (label, query, 200)


def test_the_beat_schedule_is_for_administrators(as_superuser, user_of):
    assert as_superuser.get("/admin/django_celery_beat/periodictask/").status_code == 200
    form = as_superuser.get("/admin/django_celery_beat/periodictask/add/").content.decode()
    assert "production.refresh_kpis" in form  # the tasks to choose from
    with factories.arranging():
        every_hour = IntervalSchedule.objects.create(every=1, period="hours")
        PeriodicTask.objects.create(name="test", task="production.plan_shifts", interval=every_hour)
    listing = as_superuser.get("/admin/django_celery_beat/periodictask/").content.decode()
    assert 'x-model="action"' in listing  # without it the button that runs a task never shows

    other = Client()
    other.force_login(user_of("qa_manager"))
    assert other.get("/admin/django_celery_beat/periodictask/").status_code == 403
