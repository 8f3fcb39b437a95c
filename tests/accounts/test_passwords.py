"""Passwords nobody else knows, that do not come back and grow old by policy; accounts nobody uses are closed."""

import datetime as dt
import re
from itertools import pairwise

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import passwords
from accounts.services.users import update_user
from accounts.tasks import deactivate_dormant
from audit import outbox
from audit.context import act_as
from audit.errors import InvalidInput, SignatureRefused
from audit.models import Outbox, SecurityEvent
from audit.signatures import confirm_identity
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

OWN = "Kupplung-Flansch-7"
PAGE = "/accounts/password/"


def change_own(client, old, new):
    return client.post(PAGE, {"old_password": old, "new_password1": new, "new_password2": new})


def sign_in(client, user, password):
    return client.post("/accounts/login/", {"username": user.username, "password": password})


def changed(user, **values):
    with factories.arranging():
        User.objects.filter(pk=user.pk).update(**values)
    user.refresh_from_db()
    return user


def ask_token(client, user, password):
    body = {"username": user.username, "password": password}
    return client.post("/api/v1/auth/token/", body, content_type="application/json").status_code


@pytest.fixture
def user(user_of):
    return changed(user_of("supervisor"), email="owner@example.com")


class TestSetByAnother:
    @pytest.fixture
    def given(self, user, as_admin):
        passwords.set_password(user_id=user.pk, password="known-to-two-people")
        user.refresh_from_db()
        return user

    def test_it_opens_only_the_page_that_changes_it(self, client, given):
        sign_in(client, given, "known-to-two-people")

        assert client.get("/board/")["Location"] == PAGE
        assert client.get("/board/", headers={"HX-Request": "true"})["HX-Redirect"] == PAGE
        assert client.get("/api/v1/work-orders/").status_code == 403
        assert client.get(PAGE).status_code == 200
        assert ask_token(Client(), given, "known-to-two-people") == 401

    def test_it_signs_nothing_until_its_owner_changed_it(self, client, given):
        with act_as(given, source="test"), pytest.raises(SignatureRefused, match="Change your password"):
            confirm_identity(user=given, username=given.get_username(), password="known-to-two-people")

        sign_in(client, given, "known-to-two-people")
        assert change_own(client, "known-to-two-people", OWN).status_code == 302

        given.refresh_from_db()
        with act_as(given, source="test"):
            assert confirm_identity(user=given, username=given.get_username(), password=OWN)
        assert client.get("/board/").status_code == 200

    def test_the_owner_is_told(self, given):
        outbox.dispatch()

        assert [m.to for m in mail.outbox] == [["owner@example.com"]]
        assert "An administrator set a new password" in mail.outbox[0].body
        assert SecurityEvent.objects.get(user=given).kind == "password_set"

    def test_the_owner_is_told_of_its_first_use_and_not_of_later_changes(self, client, given):
        outbox.dispatch()
        sign_in(client, given, "known-to-two-people")
        change_own(client, "known-to-two-people", OWN)
        outbox.dispatch()
        change_own(client, OWN, f"{OWN}-2")
        outbox.dispatch()

        (_set, used) = mail.outbox
        assert used.to == ["owner@example.com"]
        assert f"set for your account {given.username} was used and replaced" in used.body
        events = SecurityEvent.objects.filter(user=given, kind="password_changed").order_by("pk")
        assert [event.detail for event in events] == ["first use", ""]


class TestLink:
    @pytest.fixture
    def address(self, user, as_admin):
        passwords.send_link(user_id=user.pk)
        outbox.dispatch()
        return re.search(r"http://[^/]+(/accounts/reset/\S+)", mail.outbox[0].body)[1]

    def use(self, client, address, new=OWN):
        page = client.get(address, follow=True)
        return client.post(page.request["PATH_INFO"], {"new_password1": new, "new_password2": new})

    def test_it_sets_a_password_nobody_else_knows(self, client, user, address):
        assert self.use(client, address)["Location"] == "/accounts/login/"

        user.refresh_from_db()
        assert user.check_password(OWN)
        assert not user.password_is_due()
        outbox.dispatch()
        assert "behind the link" in mail.outbox[1].body

    def test_it_works_once(self, client, address):
        self.use(client, address)

        page = Client().get(address, follow=True)

        assert "does not work any more" in page.content.decode()

    def test_for_a_day(self, client, address, settings):
        settings.PASSWORD_RESET_TIMEOUT = -1

        assert "does not work any more" in client.get(address, follow=True).content.decode()

    def test_its_secret_is_in_no_table(self, address):
        token = address.rstrip("/").rsplit("/", 1)[1]
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM journal_entry e WHERE to_jsonb(e)::text LIKE %s", [f"%{token}%"])
            assert cursor.fetchone() == (0,)
        assert token not in str(list(Outbox.objects.values()))

    def test_without_an_address_there_is_none(self, user, as_admin):
        changed(user, email="")

        with pytest.raises(InvalidInput, match="no address"):
            passwords.send_link(user_id=user.pk)

    def test_the_administration_sends_it(self, client, user, as_admin):
        client.force_login(as_admin)

        client.post(f"/admin/accounts/user/{user.pk}/password-link/")

        assert Outbox.objects.get().payload == {"user": str(user.pk)}


class TestHistory:
    def test_the_last_five_do_not_come_back(self, client, user):
        used = [PASSWORD, *(f"{OWN}-{n}" for n in range(6))]
        client.force_login(user)
        for old, new in pairwise(used):
            assert change_own(client, old, new).status_code == 302

        for again in used[1:]:
            assert change_own(client, used[-1], again).status_code == 422
        assert change_own(client, used[-1], PASSWORD).status_code == 302

    def test_their_hashes_are_digests_in_the_journal(self, client, user):
        client.force_login(user)
        hashed = user.password

        change_own(client, PASSWORD, OWN)

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM journal_entry e WHERE to_jsonb(e)::text LIKE %s", [f"%{hashed}%"])
            assert cursor.fetchone() == (0,)
        user.refresh_from_db()
        assert user.previous_passwords == hashed


class TestAge:
    @pytest.fixture
    def old(self, user, settings):
        settings.PASSWORD_MAX_DAYS = 30
        return changed(user, password_changed_at=timezone.now() - dt.timedelta(days=31))

    def test_an_old_password_leads_to_its_change_also_in_a_long_session(self, client, old):
        client.force_login(old)
        assert client.get("/board/")["Location"] == PAGE

        change_own(client, PASSWORD, OWN)

        assert client.get("/board/").status_code == 200

    def test_it_signs_nothing(self, old):
        with act_as(old, source="test"), pytest.raises(SignatureRefused, match="too old"):
            confirm_identity(user=old, username=old.get_username(), password=PASSWORD)

    def test_programs_keep_theirs(self, client, user_of, settings):
        settings.PASSWORD_MAX_DAYS = 30
        program = changed(
            user_of("integration"), is_person=False, password_changed_at=timezone.now() - dt.timedelta(days=31)
        )

        assert ask_token(client, program, PASSWORD) == 200


class TestDormant:
    @pytest.fixture(autouse=True)
    def _policy(self, settings):
        settings.DORMANT_DAYS = 90

    @pytest.fixture
    def away(self, user):
        long_ago = timezone.now() - dt.timedelta(days=91)
        return changed(user, last_login=long_ago, date_joined=long_ago)

    def test_who_was_away_too_long_is_deactivated(self, away, user_of):
        here = user_of("planner")

        assert deactivate_dormant() == 1

        away.refresh_from_db()
        here.refresh_from_db()
        assert (away.is_active, here.is_active) == (False, True)
        event = SecurityEvent.objects.get(user=away)
        assert (event.kind, event.detail, event.source) == (
            "deactivated",
            "dormant",
            "task:accounts.deactivate_dormant",
        )

    def test_who_was_let_in_again_stays(self, away, as_admin):
        deactivate_dormant()
        update_user(user_id=away.pk, is_active=True, reason="Back from parental leave")

        assert deactivate_dormant() == 0

    def test_the_last_administrator_stays(self, away, as_admin):
        changed(as_admin, is_active=False)
        changed(away, is_superuser=True)

        assert deactivate_dormant() == 0

    def test_a_plant_may_do_without(self, away, settings):
        settings.DORMANT_DAYS = 0

        assert deactivate_dormant() == 0
