"""The list of a periodic access review: every account, what it may, and whether it is used."""

import csv
import datetime as dt
import io
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from equipment.services.line_assignments import assign_line
from tests import factories

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/accounts/user/access-review/"


def review(client):
    answer = client.get(ADDRESS)
    assert answer["Content-Type"].startswith("text/csv")
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    return {row["User name"]: row for row in csv.DictReader(io.StringIO(text[1:]))}


def test_what_a_reviewer_needs(client, plant, user_of, settings):
    settings.PASSWORD_MAX_DAYS, settings.DORMANT_DAYS = 30, 90
    supervisor, long_ago = user_of("supervisor"), timezone.now() - dt.timedelta(days=100)
    assign_line(user_id=supervisor.pk, line_id=plant.line.pk)
    with factories.arranging():
        User.objects.filter(pk=supervisor.pk).update(
            last_login=long_ago, date_joined=long_ago, password_changed_at=long_ago, totp_since=long_ago
        )
        without = User.objects.create(username="new", printed_name="=SUM(A1)", is_active=False)
    client.force_login(user_of("auditor"))

    found = review(client)

    row = found["test-supervisor"]
    until = supervisor.qualifications.get().valid_until
    assert set(found) == set(User.objects.values_list("username", flat=True))
    assert (row["Roles"], row["Active"], row["Dormant"], row["Password due"]) == ("Supervisor", "yes", "yes", "yes")
    assert row["Right to sign until"] == str(until)
    assert row["Last seen"] == f"{long_ago.astimezone(ZoneInfo(plant.site.time_zone)):%Y-%m-%d %H:%M}"
    assert row["Authenticator app since"]
    assert row["Lines (none: the whole plant)"] == plant.line.line_code
    assert (found["test-auditor"]["Dormant"], found["test-auditor"]["Lines (none: the whole plant)"]) == ("", "")
    assert found["test-admin"]["Roles"] == "Administrator"
    assert (found[without.username]["Printed name"], found["new"]["Active"]) == ("'=SUM(A1)", "")


def test_an_ended_right_is_none(client, user_of, as_admin):
    user = user_of("supervisor")
    with factories.arranging():
        user.qualifications.update(ended_at=timezone.now())
    client.force_login(as_admin)

    assert review(client)["test-supervisor"]["Right to sign until"] == ""


def test_who_works_on_one_line_reads_no_name_of_another(client, plant, user_of, as_admin):
    other, auditor = factories.line(), user_of("auditor")
    assign_line(user_id=user_of("supervisor").pk, line_id=other.pk)
    assign_line(user_id=auditor.pk, line_id=plant.line.pk)
    client.force_login(auditor)

    found = review(client)

    assert found["test-auditor"]["Lines (none: the whole plant)"] == plant.line.line_code
    assert found["test-supervisor"]["Lines (none: the whole plant)"] == "…"


@pytest.mark.parametrize(("role", "allowed"), [("qa_manager", True), ("auditor", True), ("planner", False)])
def test_for_whom(client, user_of, role, allowed):
    client.force_login(user_of(role))

    assert (client.get(ADDRESS).status_code == 200) is allowed


def test_it_costs_the_same_for_many(client, as_admin, django_assert_num_queries):
    client.force_login(as_admin)
    client.get(ADDRESS)
    with factories.arranging():
        User.objects.bulk_create([User(username=f"u{n}") for n in range(30)])

    with django_assert_num_queries(6):
        client.get(ADDRESS)
