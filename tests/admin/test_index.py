"""The admin's index: what waits for whom, oldest first, for a constant number of queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from production.services.work_orders import hold_work_order
from tests import factories
from tests.admin.world import world

pytestmark = pytest.mark.django_db

REVIEW = "Review of the audit trail"


def worklists(client):
    return {str(found.title): found for found in client.get("/admin/").context["worklists"]}


def test_what_waits_is_listed_with_its_age(client, user_of, one):
    held = factories.work_order(one.plant, status="released")
    hold_work_order(work_order_id=held.pk, reason="Wrong drawing")
    client.force_login(user_of("qa_manager"))

    page = client.get("/admin/").content.decode()
    lists = worklists(client)

    assert [found.total for found in lists.values()] == [1, 1, 1, 1, 0]
    assert one.planned.work_order_number in page
    assert "Wrong drawing" in page
    assert "10.20 (9.9 … 10.1)" in page
    assert all(row.age and row.since for found in lists.values() for row in found.rows)


def test_the_longest_waiting_comes_first(client, user_of, plant):
    first = factories.work_order(plant, status="planned")
    second = factories.work_order(plant, status="planned")
    client.force_login(user_of("qa_manager"))

    assert [row.what for row in worklists(client)["Waiting for a signature"].rows] == [
        first.work_order_number,
        second.work_order_number,
    ]


def test_nothing_waiting_is_said_in_words(client, user_of, plant):
    client.force_login(user_of("qa_manager"))

    assert "No order waits for its release." in client.get("/admin/").content.decode()


def test_a_review_of_the_trail_waits_when_it_is_overdue(client, user_of, one, settings):
    settings.TRAIL_REVIEW_DAYS = -1
    client.force_login(user_of("qa_manager"))

    (row,) = worklists(client)[REVIEW].rows
    assert (row.what, row.url) == ("Overdue", "/audit/reviews/new/")

    client.force_login(user_of("auditor"))
    assert REVIEW not in worklists(client)


def test_the_links_lead_to_lists_with_those_rows(client, as_admin, one):
    client.force_login(as_admin)

    for title, found in worklists(client).items():
        listed = client.get(found.url)
        assert title == REVIEW or listed.context["cl"].result_count >= found.total
        for row in found.rows:
            assert client.get(row.url).status_code == 200


def test_it_costs_the_same_for_one_and_for_three(client, user_of, one):
    client.force_login(user_of("qa_manager"))

    def queries():
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/admin/").status_code == 200
        return len(seen)

    queries()
    few = queries()
    world()
    world()

    assert queries() == few


def test_the_navigation_names_only_what_may_be_seen(client, user_of, as_admin):
    client.force_login(user_of("inspector"))
    inspector = client.get("/admin/").content.decode()
    client.force_login(as_admin)
    administrator = client.get("/admin/").content.decode()

    assert "/admin/audit/signature/" not in inspector
    assert "/admin/accounts/user/" not in inspector
    assert "/admin/quality/qualitycheck/" in inspector
    assert "/admin/django_celery_beat/periodictask/" in administrator


def test_the_whole_frame_speaks_the_language_of_the_reader(client, user_of):
    client.force_login(user_of("auditor"))

    page = client.get("/admin/", headers={"Accept-Language": "ja"}).content.decode()

    assert '<html lang="ja"' in page
    assert "What waits for you" not in page
