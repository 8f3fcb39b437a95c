"""Codes of an authenticator app: set up by the owner, asked at each door, used once, taken away by another person."""

import datetime as dt
import threading

import pyotp
import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.core.checks import run_checks
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import totp
from accounts.models import User
from accounts.services import authenticators
from audit import outbox
from audit.context import act_as
from audit.errors import InvalidInput, MissingPermission, ReasonRequired, SignatureRefused
from audit.models import SecurityEvent, SigningWindow
from audit.signatures import confirm_identity
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN, CODE = "/accounts/login/", "/accounts/login/code/"
SET_UP, FINISH = "/accounts/signing/authenticator/", "/accounts/signing/authenticator/code/"
REASON = "The phone was left on a train"


def code(key, *, steps=0):
    return pyotp.TOTP(key).at(timezone.now() + dt.timedelta(seconds=30 * steps))


def enrolled(user) -> str:
    """As if set up a while ago: the key."""
    key = totp.new_key()
    with factories.arranging():
        User.objects.filter(pk=user.pk).update(totp_key=totp.sealed(key), totp_since=timezone.now(), totp_step=0)
    user.refresh_from_db()
    return key


def sign_in(client, user, password=PASSWORD):
    return client.post(f"{LOGIN}?next=/orders/", {"username": user.username, "password": password})


def sign(user, **components):
    with act_as(user, source="test"):
        return confirm_identity(user=user, username=user.get_username(), **{"password": PASSWORD} | components)


def events(user):
    return list(SecurityEvent.objects.filter(user=user).order_by("id").values_list("kind", "detail"))


@pytest.fixture
def user(user_of):
    user = user_of("supervisor")
    with factories.arranging():
        User.objects.filter(pk=user.pk).update(email="owner@example.com")
    user.refresh_from_db()
    return user


class TestSettingUp:
    def test_the_key_is_shown_once_and_holds_from_its_first_code_on(self, client, user):
        client.force_login(user)
        page = client.post(SET_UP, {"password": PASSWORD})
        key = page.context["key"].replace(" ", "")

        wrong = client.post(FINISH, {"code": "000000"})
        user.refresh_from_db()
        assert user.totp_since is None
        client.post(FINISH, {"code": code(key)})

        user.refresh_from_db()
        assert "<svg" in page.content.decode()
        assert wrong.status_code == 422
        assert key not in wrong.content.decode().replace(" ", "")
        assert user.signs_with() == ("password", "totp")
        assert key not in client.get("/accounts/signing/").content.decode()
        assert client.get(SET_UP).status_code == 302
        assert events(user) == [("factor_set", "totp")]
        outbox.dispatch()
        assert "An authenticator app was set up" in mail.outbox[0].body

    def test_an_open_session_without_the_password_is_not_enough(self, client, user):
        client.force_login(user)

        assert client.post(SET_UP, {"password": "wrong"}).status_code == 422
        assert client.post(FINISH, {"code": "000000"}).status_code == 302
        assert events(user) == [("signing_failed", "")]

    def test_a_key_waits_ten_minutes_for_its_code(self, client, user):
        client.force_login(user)
        key = client.post(SET_UP, {"password": PASSWORD}).context["key"].replace(" ", "")
        session = client.session
        session["authenticator"] |= {"at": session["authenticator"]["at"] - 601}
        session.save()

        assert client.post(FINISH, {"code": code(key)})["Location"] == SET_UP
        user.refresh_from_db()
        assert user.totp_since is None

    def test_no_second_one_in_place_of_the_first(self, user):
        enrolled(user)

        with pytest.raises(InvalidInput, match="already"):
            authenticators.begin(user, password=PASSWORD)

    def test_the_key_is_in_no_table_and_no_journal(self, client, user):
        client.force_login(user)
        key = client.post(SET_UP, {"password": PASSWORD}).context["key"].replace(" ", "")
        sealed = client.session["authenticator"]["key"]
        client.post(FINISH, {"code": code(key)})

        user.refresh_from_db()
        assert user.totp_key == sealed
        with connection.cursor() as cursor:
            for secret in (key, sealed):
                cursor.execute("SELECT count(*) FROM journal_entry e WHERE to_jsonb(e)::text LIKE %s", [f"%{secret}%"])
                assert cursor.fetchone() == (0,)
            cursor.execute("SELECT count(*) FROM accounts_user u WHERE to_jsonb(u)::text LIKE %s", [f"%{key}%"])
            assert cursor.fetchone() == (0,)

    def test_a_new_secret_key_of_the_plant_keeps_it_while_the_old_one_is_named(self, user, settings):
        key = enrolled(user)
        old, settings.SECRET_KEY = settings.SECRET_KEY, "another-secret-key"
        assert totp.step_of(user.totp_key, code(key)) is None

        settings.SECRET_KEY_FALLBACKS = [old]
        assert totp.step_of(user.totp_key, code(key))


class TestSigningIn:
    def test_the_code_is_asked_for_after_the_password(self, client, user):
        key = enrolled(user)

        assert sign_in(client, user)["Location"] == CODE
        assert "_auth_user_id" not in client.session
        assert client.get("/orders/").status_code == 302
        done = client.post(CODE, {"code": code(key)})

        assert done["Location"] == "/orders/"
        assert client.session["_auth_user_id"] == str(user.pk)
        assert events(user) == [("signed_in", "")]

    @pytest.mark.parametrize("typed", ["{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}{0[5]}", "full width"])
    def test_as_people_type_it(self, client, user, typed):
        key = enrolled(user)
        digits = code(key)
        wide = digits.translate({ord("0") + n: ord("０") + n for n in range(10)})
        sign_in(client, user)

        client.post(CODE, {"code": wide if typed == "full width" else typed.format(digits)})

        assert "_auth_user_id" in client.session

    def test_a_code_works_once(self, client, user):
        key = enrolled(user)
        used = code(key)
        sign_in(client, user)
        client.post(CODE, {"code": used})

        other = Client()
        sign_in(other, user)
        again = other.post(CODE, {"code": used})

        assert again.status_code == 422
        assert "_auth_user_id" not in other.session
        assert events(user)[-1] == ("password_wrong", "code")

    def test_nor_one_from_before_the_last(self, user):
        key = enrolled(user)
        assert sign(user, code=code(key)).user == user

        with pytest.raises(SignatureRefused):
            sign(user, code=code(key, steps=-1))

    @pytest.mark.parametrize(("steps", "right"), [(-1, True), (1, True), (-2, False), (2, False)])
    def test_a_clock_may_be_half_a_minute_off(self, user, steps, right):
        key = enrolled(user)

        assert (totp.step_of(user.totp_key, code(key, steps=steps)) is not None) is right

    def test_wrong_codes_lock_as_wrong_passwords_do(self, client, user):
        key = enrolled(user)
        for _ in range(2):
            assert authenticate(username=user.username, password="wrong") is None
        sign_in(client, user)
        for _ in range(3):
            client.post(CODE, {"code": "000000"})

        refused = client.post(CODE, {"code": code(key)})

        user.refresh_from_db()
        assert user.locked_at
        assert refused.status_code == 422
        assert "_auth_user_id" not in client.session

    def test_the_second_step_needs_the_first(self, client, user):
        enrolled(user)

        assert client.get(CODE)["Location"] == LOGIN
        assert sign_in(client, user, "wrong").status_code == 422
        assert client.get(CODE)["Location"] == LOGIN

    def test_it_ends_when_the_password_changes_meanwhile(self, client, user):
        key = enrolled(user)
        sign_in(client, user)
        user.set_password("another-long-password")
        with factories.arranging():
            user.save()

        client.post(CODE, {"code": code(key)})

        assert "_auth_user_id" not in client.session

    def test_and_after_five_minutes(self, client, user):
        enrolled(user)
        sign_in(client, user)
        session = client.session
        session["half_signed_in"] |= {"at": session["half_signed_in"]["at"] - 301}
        session.save()

        assert client.get(CODE)["Location"] == LOGIN

    def test_a_token_needs_it_too(self, client, user):
        key = enrolled(user)

        def ask(**more):
            body = {"username": user.username, "password": PASSWORD} | more
            return client.post("/api/v1/auth/token/", body, content_type="application/json").status_code

        assert (ask(), ask(code="000000"), ask(code=code(key))) == (401, 401, 200)


class TestSigning:
    def test_password_and_code_together(self, user):
        key = enrolled(user)

        assert sign(user, code=code(key)).components == ("id", "password", "totp")

    def test_the_password_alone_is_refused_and_counts_nothing(self, user):
        enrolled(user)

        with pytest.raises(SignatureRefused, match="code of your authenticator app"):
            sign(user)
        assert events(user) == [("signing_refused", "no code")]

    def test_a_wrong_code_counts(self, user):
        enrolled(user)

        with pytest.raises(SignatureRefused, match="attempt 1 of 5"):
            sign(user, code="000000")
        assert events(user) == [("signing_failed", "code")]

    def test_the_code_alone_is_refused(self, user):
        key = enrolled(user)

        with pytest.raises(SignatureRefused, match="attempt 1"):
            sign(user, password="wrong", code=code(key))
        assert sign(user, code=code(key)).user == user  # it was not used up


class TestPolicy:
    def test_a_role_that_needs_one_signs_nothing_without(self, user, settings):
        settings.SIGNING_TOTP_ROLES = ["supervisor"]
        with pytest.raises(SignatureRefused, match="Set it up"):
            sign(user)

        key = enrolled(user)
        assert sign(user, code=code(key)).user == user

    def test_other_roles_do_without(self, user, settings):
        settings.SIGNING_TOTP_ROLES = ["qa_manager"]

        assert sign(user).user == user

    def test_a_role_that_does_not_exist_is_told_at_start(self, settings):
        settings.SIGNING_TOTP_ROLES = ["supervisors"]

        assert "accounts.E001" in [found.id for found in run_checks()]


class TestRevoking:
    def test_another_person_does_it_with_a_reason_and_it_holds_at_once(self, client, user, as_role):
        key = enrolled(user)
        sign_in(client, user)
        with as_role("qa_manager"):
            authenticators.revoke(user_id=user.pk, reason=REASON)

        client.post(CODE, {"code": code(key)})

        user.refresh_from_db()
        assert (user.totp_key, user.signs_with()) == ("", ("password",))
        assert ("factor_revoked", REASON) in events(user)
        outbox.dispatch()
        assert [m.to for m in mail.outbox] == [["owner@example.com"]]
        assert "revoked by another person" in mail.outbox[0].body

    def test_a_series_of_signatures_ends_with_it(self, user, as_role):
        """Also when one is set up: the series began with less."""
        enrolled(user)
        with factories.arranging():
            SigningWindow.objects.create(
                user=user, session_hash="0" * 64, station="", opened_at=timezone.now(), last_used_at=timezone.now()
            )
        with as_role("qa_manager"):
            authenticators.revoke(user_id=user.pk, reason=REASON)

        window = SigningWindow.objects.get()
        assert (window.closed_why, window.closed_at is not None) == ("password", True)

    def test_never_oneself(self, as_role):
        with as_role("qa_manager") as manager:
            enrolled(manager)
            with pytest.raises(InvalidInput, match="Another person"):
                authenticators.revoke(user_id=manager.pk, reason=REASON)

    def test_not_without_reason_or_right(self, user, as_role):
        enrolled(user)
        with as_role("qa_manager"), pytest.raises(ReasonRequired):
            authenticators.revoke(user_id=user.pk, reason=".")
        with as_role("planner"), pytest.raises(MissingPermission):
            authenticators.revoke(user_id=user.pk, reason=REASON)

    def test_in_the_administration(self, client, user, user_of):
        enrolled(user)
        client.force_login(user_of("qa_manager"))
        page = client.get(f"/admin/accounts/user/{user.pk}/change/").content.decode()

        client.post(f"/admin/accounts/user/{user.pk}/revoke-authenticator/", {"reason": REASON})

        user.refresh_from_db()
        assert "revoke-authenticator" in page
        assert user.totp_since is None
        assert "revoke-authenticator" not in client.get(f"/admin/accounts/user/{user.pk}/change/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_two_with_one_code_at_once_one_comes_in():
    user = factories.user("operator", password=PASSWORD)
    key = enrolled(user)
    typed, came_in, ready = code(key), [], threading.Barrier(2)

    def one():
        ready.wait(10)
        try:
            came_in.append(authenticate(username=user.username, password=PASSWORD, code=typed) is not None)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(came_in) == [False, True]
