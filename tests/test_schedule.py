"""The schedule of background tasks is configuration: its edits are in the journal, its runs are not."""

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from mfg_project.beat import Entry, Scheduler
from mfg_project.celery import app
from tests import factories
from tests.audit.journal import entries, last_id

pytestmark = pytest.mark.django_db
TASKS = "django_celery_beat_periodictask"


@pytest.fixture
def task(as_admin) -> PeriodicTask:
    with factories.arranging():
        every = IntervalSchedule.objects.create(every=1, period="hours")
        return PeriodicTask.objects.create(name="test", task="production.plan_shifts", interval=every)


def told(start: int) -> list[tuple[str, str, str, list[str]]]:
    return [(e["op"], e["actor_name"], e["reason_code"], e["changed"]) for e in entries(start, table=TASKS)]


@pytest.mark.django_db(transaction=True)  # beat closes its connections as it likes
def test_beat_writes_the_schedule_of_the_code_in_its_own_name_and_once(db):
    start = last_id()

    Scheduler(app=app)
    first, again = told(start), last_id()
    Scheduler(app=app)

    assert len(first) == PeriodicTask.objects.count() >= len(app.conf.beat_schedule)
    assert set(map(str, first)) == {str(("I", "Genba (schedule)", "set_up_schedule", []))}
    assert entries(again) == []


def test_a_run_is_no_news(task):
    start = last_id()

    next(Entry(task, app=app)).save()

    task.refresh_from_db()
    assert task.total_run_count == 1
    assert entries(start) == []


def test_a_task_for_once_is_switched_off_by_beat_after_its_run(task):
    with factories.arranging():
        PeriodicTask.objects.filter(pk=task.pk).update(one_off=True, total_run_count=1)
    start = last_id()

    assert not Entry(PeriodicTask.objects.get(pk=task.pk), app=app).is_due().is_due

    assert told(start) == [("U", "Genba (schedule)", "disable_task", ["enabled"])]


def test_an_administrator_edits_and_removes_a_task_in_the_own_name(task, client):
    administrator = factories.superuser()
    client.force_login(administrator)
    url = f"/admin/django_celery_beat/periodictask/{task.pk}/change/"
    form = client.get(url).context["adminform"].form
    posted = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    start = last_id()

    assert client.post(url, posted | {"enabled": "", "description": "Off for now"}).status_code == 302
    listing = "/admin/django_celery_beat/periodictask/"
    assert client.post(listing, {"action": "enable_tasks", "_selected_action": [task.pk]}).status_code == 302
    assert client.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 302

    name = administrator.printed_name
    assert told(start) == [
        ("U", name, "edit_schedule", ["description", "enabled"]),
        ("U", name, "edit_schedule", ["enabled"]),
        ("D", name, "remove_schedule", []),
    ]
