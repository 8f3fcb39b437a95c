"""What a person sees of signatures: what waits, what was signed, several at once, and the same door everywhere."""

import csv
import datetime as dt
import io
import zoneinfo

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from audit.context import act_as
from audit.models import SecurityEvent, Signature, SignaturePolicy, StateChange
from audit.plant_clock import offset_minutes, with_offset
from equipment.services.line_assignments import assign_line
from production.models import WorkOrder
from production.services.work_orders import update_work_order
from tests import factories
from tests.audit.test_signing_policy import TWO, WHY, policy, sign
from tests.conftest import PASSWORD
from tests.signing import filled

pytestmark = pytest.mark.django_db
WAITING, MINE, OPEN, BATCH = "/signatures/", "/signatures/mine/", "/signatures/open/", "/signatures/batch/"
HOLD = [{"meanings": ["authorised"], "roles": ["supervisor"]}]


def browser_of(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def supervisor(user_of):
    return user_of("supervisor")


@pytest.fixture
def browser(supervisor):
    return browser_of(supervisor)


@pytest.fixture
def planned(plant):
    return [factories.work_order(plant, status="planned") for _ in range(3)]


def shown(client, address, orders):
    text = client.get(address).content.decode()
    return [order.work_order_number in text for order in orders]


class TestWaiting:
    def test_only_what_the_person_may_sign(self, plant, planned, browser, supervisor):
        own = factories.work_order(plant, status="planned")
        released = factories.work_order(plant, status="released")
        with act_as(supervisor, source="test"):
            update_work_order(work_order_id=own.pk, priority=1, reason=WHY)

        assert shown(browser, WAITING, [*planned, own, released]) == [True, True, True, False, False]

    def test_each_person_in_turn(self, planned, browser, user_of):
        policy()
        reviewer = user_of("inspector")
        before = shown(browser, WAITING, planned)
        sign(reviewer, planned[0], "verified")

        assert before == [False, False, False]
        assert shown(browser, WAITING, planned) == [True, False, False]
        text = browser.get(WAITING).content.decode()
        assert "Test inspector" in text
        assert "Released for production" in text
        assert shown(browser_of(reviewer), WAITING, planned) == [False, True, True]
        waits = browser_of(reviewer).get(OPEN).content.decode()
        assert planned[0].work_order_number in waits
        assert "Supervisor" in waits

    def test_nothing_of_another_line(self, plant, planned, browser, supervisor):
        elsewhere = factories.plant()
        other = factories.work_order(elsewhere, status="planned")
        assign_line(user_id=supervisor.pk, line_id=elsewhere.line.pk)

        assert shown(browser, WAITING, [*planned, other]) == [False, False, False, True]

    def test_what_cannot_be_done_yet_waits_for_nobody(self, plant, browser):
        order = factories.work_order(plant, status="planned", production_line_id=None)

        assert shown(browser, WAITING, [order]) == [False]

    def test_queries_do_not_grow(
        self, plant, browser, user_of, django_assert_max_num_queries, django_assert_num_queries
    ):
        policy()
        inspector = user_of("inspector")
        sign(inspector, factories.work_order(plant, status="planned"), "verified")
        with django_assert_max_num_queries(20) as one:
            browser.get(WAITING)
        for _ in range(2):
            sign(inspector, factories.work_order(plant, status="planned"), "verified")
        with django_assert_num_queries(len(one)):
            browser.get(WAITING)

    @pytest.mark.parametrize(("role", "sees"), [("supervisor", True), ("planner", False), ("auditor", False)])
    def test_the_entry_is_for_who_may_sign(self, user_of, role, sees):
        assert ('href="/signatures/"' in browser_of(user_of(role)).get("/orders/").content.decode()) is sees


class TestMine:
    def test_found_again_and_exported(self, planned, browser, supervisor, user_of):
        for order in planned[:2]:
            sign(supervisor, order, "released", comment="for the morning")
        sign(user_of("qa_manager"), planned[2], "reviewed")

        assert shown(browser, MINE, planned) == [True, True, False]
        assert shown(browser, f"{MINE}?q={planned[0].work_order_number}", planned) == [True, False, False]
        rows = list(csv.reader(io.StringIO(browser.get("/signatures/mine.csv?q=morning").content.decode("utf-8-sig"))))
        assert [row[2] for row in rows[1:]] == [order.work_order_number for order in (planned[1], planned[0])]
        assert "+09:00 (Asia/Tokyo)" in rows[1][0]

    def test_who_is_renamed_has_signed_as_before(self, planned, browser, supervisor):
        sign(supervisor, planned[0], "released")
        with factories.arranging():
            User.objects.filter(pk=supervisor.pk).update(printed_name="Another Name")

        text = browser.get(f"/orders/{planned[0].pk}/").content.decode()
        assert "Test supervisor" in text


class TestTogether:
    def page(self, browser, orders):
        return browser.get(BATCH, {"step": "release", "record": [str(order.pk) for order in orders]})

    def post(self, browser, page, user, *, left_out=(), **entered):
        data = filled(page, user, **entered) | {"step": page.context["step"]}
        shown = page.context["records"]
        data["record"] = [record.key for record in shown]
        data |= {f"sign_{r.key}": f"{r.digest}.{r.number}" for r in shown if r.key not in left_out}
        return browser.post(BATCH, data)

    def test_every_record_is_shown_whole(self, planned, browser):
        text = self.page(browser, planned).content.decode()

        for order in planned:
            assert order.work_order_number in text
        assert text.count("SHA-256") == text.count("Operation 2 · 30 s a piece") == 3
        assert "<details" not in text.split("<main")[1]

    def test_one_password_an_act_for_each(self, planned, browser, supervisor):
        answer = self.post(browser, self.page(browser, planned), supervisor, left_out={str(planned[2].pk)})

        assert answer.status_code == 302
        signatures = Signature.objects.all()
        assert {row.record_pk for row in signatures} == {str(order.pk) for order in planned[:2]}
        assert StateChange.objects.filter(transition="release", signature__in=signatures).count() == 2
        assert sorted(row.first_in_window for row in signatures) == [False, True]
        assert WorkOrder.objects.get(pk=planned[2].pk).status == "planned"

    def test_what_changed_is_named_and_the_others_are_signed(self, planned, browser, supervisor, user_of):
        page = self.page(browser, planned)
        update_work_order(work_order_id=planned[0].pk, planned_quantity=77, reason=WHY)
        sign(user_of("qa_manager"), planned[1], "released")

        answer = self.post(browser, page, supervisor)

        text = answer.content.decode()
        assert answer.status_code == 409
        assert [record.name for record in answer.context["records"]] == [planned[0].work_order_number]
        assert "content changed" in text
        assert f"{planned[1].work_order_number} was not signed" in text
        assert [row.record_pk for row in Signature.objects.filter(signer=supervisor)] == [str(planned[2].pk)]
        again = self.post(browser, answer, supervisor)
        assert (again.status_code, WorkOrder.objects.filter(status="released").count()) == (302, 3)

    def test_a_wrong_password_signs_none(self, planned, browser, supervisor):
        answer = self.post(browser, self.page(browser, planned), supervisor, password="wrong")

        assert answer.status_code == 422
        assert SecurityEvent.objects.filter(kind="signing_failed").count() == 1
        assert not Signature.objects.exists()

    def test_a_record_that_was_not_shown_is_not_signed(self, plant, planned, browser, supervisor):
        page = self.page(browser, planned[:1])
        unseen = planned[1]
        data = filled(page, supervisor) | {"step": "release", "record": [str(unseen.pk)], f"sign_{unseen.pk}": ""}

        answer = browser.post(BATCH, data)

        assert "did not come with the form" in answer.content.decode()
        assert not Signature.objects.exists()

    def test_none_checked_signs_none(self, planned, browser, supervisor):
        page = self.page(browser, planned)

        answer = self.post(browser, page, supervisor, left_out={str(order.pk) for order in planned})

        assert "Check at least one record" in answer.content.decode()

    def test_not_by_who_may_not(self, planned, user_of):
        assert self.page(browser_of(user_of("auditor")), planned).status_code == 403


class TestOneDoor:
    def test_a_hold_with_a_policy_opens_the_same_dialog(self, planned, browser, supervisor):
        policy("hold", HOLD)
        address = f"/orders/{planned[0].pk}/hold/"

        page = browser.get(address)
        without = browser.post(address, filled(page, supervisor, meaning="authorised"))
        answer = browser.post(address, filled(without, supervisor, meaning="authorised", comment=WHY))

        assert "SHA-256" in page.content.decode()
        assert without.status_code == 422
        assert answer.status_code == 302
        assert Signature.objects.get().comment == WHY

    def test_in_the_administration_too(self, planned, user_of):
        policy("hold", [{"meanings": ["authorised"], "roles": ["qa_manager"]}])
        manager = user_of("qa_manager")
        browser, address = browser_of(manager), f"/admin/production/workorder/{planned[0].pk}/hold/"

        page = browser.get(address)
        answer = browser.post(address, filled(page, manager, meaning="authorised", comment=WHY))

        assert answer.status_code == 302
        assert WorkOrder.objects.get(pk=planned[0].pk).status == "on_hold"

    def test_a_first_signature_leaves_the_order_and_says_whom_it_waits_for(self, planned, user_of):
        policy()
        reviewer = user_of("qa_manager")
        browser, order = browser_of(reviewer), planned[0]
        address = f"/orders/{order.pk}/release/"

        answer = browser.post(address, filled(browser.get(address), reviewer, meaning="verified"), follow=True)

        text = answer.content.decode()
        assert "1 of 2 signatures" in text
        assert "waits for: Supervisor" in text
        assert "1/2 · Supervisor" in browser.get("/orders/").content.decode()
        assert "1 of 2, waits for: Supervisor" in browser.get("/orders.csv").content.decode()
        update_work_order(work_order_id=order.pk, planned_quantity=77, reason=WHY)
        assert "Superseded" in browser.get(f"/orders/{order.pk}/").content.decode()

    def test_who_has_no_part_is_told_the_permission(self, planned, user_of):
        assert browser_of(user_of("planner")).get(f"/orders/{planned[0].pk}/release/").status_code == 403

    def test_without_a_policy_the_page_says_so(self, planned, browser):
        with factories.arranging():
            SignaturePolicy.objects.update(is_active=False)

        answer = browser.get(f"/orders/{planned[0].pk}/release/")
        assert (answer.status_code, "no signature policy is in force" in answer.content.decode()) == (409, True)


class TestApi:
    @pytest.fixture
    def client_as(self):
        def client_as(user):
            client = APIClient()
            client.force_authenticate(user)
            return client

        return client_as

    def body(self, user, meaning, **values):
        return {"username": user.username, "password": PASSWORD, "meaning": meaning} | values

    def test_two_signatures(self, planned, client_as, user_of, supervisor):
        policy("release", TWO)
        reviewer, address = user_of("inspector"), f"/api/v1/work-orders/{planned[0].pk}/"

        first = client_as(reviewer).post(f"{address}release/", self.body(reviewer, "verified"))
        wrong_turn = client_as(reviewer).post(f"{address}release/", self.body(reviewer, "released"))
        last = client_as(supervisor).post(f"{address}release/", self.body(supervisor, "released"))

        release = next(step for step in first.json()["allowed_steps"] if step["name"] == "release")
        assert (first.status_code, first.json()["status"]) == (200, "planned")
        assert (release["signature"]["number"], release["signature"]["of"]) == (2, 2)
        assert (wrong_turn.status_code, wrong_turn.json()["code"]) == (403, "permission_denied")
        assert last.json()["status"] == "released"
        signed = client_as(supervisor).get(f"{address}signatures/").json()
        assert [(s["number"], s["to_state"], s["plant_offset"]) for s in signed] == [(1, "", 540), (2, "released", 540)]

    def test_any_step_may_be_signed(self, planned, client_as, supervisor):
        policy("hold", HOLD)
        client, address = client_as(supervisor), f"/api/v1/work-orders/{planned[0].pk}/"

        bare = client.post(f"{address}hold/", {"reason": WHY})
        patched = client.patch(address, {"status": "on_hold", "reason": WHY})
        held = client.post(f"{address}hold/", {"reason": WHY, "signature": self.body(supervisor, "authorised")})

        assert [(answer.status_code, answer.json()["code"]) for answer in (bare, patched)] == [
            (422, "signature_required")
        ] * 2
        assert held.json()["status"] == "on_hold"

    def test_what_was_read_is_what_is_signed(self, planned, client_as, supervisor):
        body = self.body(supervisor, "released", digest="0" * 64)

        answer = client_as(supervisor).post(f"/api/v1/work-orders/{planned[0].pk}/release/", body)

        assert (answer.status_code, Signature.objects.count()) == (409, 0)


def test_the_hour_that_comes_twice_is_told_apart():
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    first, second = (dt.datetime(2026, 10, 25, hour, 30, tzinfo=dt.UTC) for hour in (0, 1))

    told = [with_offset(at, zone=berlin.key, offset=offset_minutes(at, berlin)) for at in (first, second)]

    assert told == [
        "2026-10-25 02:30:00+02:00 (Europe/Berlin) · 00:30:00 UTC",
        "2026-10-25 02:30:00+01:00 (Europe/Berlin) · 01:30:00 UTC",
    ]
    assert with_offset(first, zone="", offset=None) == "2026-10-25 00:30:00 UTC"
