"""A device is lost: another person revokes it, and gives out a code that stands for it, and it alone, for hours."""

import datetime as dt
import re

import pyotp
import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import TemporaryCode, User
from accounts.services import authenticators, passwords, temporary_codes
from accounts.services.users import system_user
from audit import outbox
from audit.context import act_as
from audit.errors import InvalidInput, MissingPermission, ReasonRequired, SignatureRefused
from audit.models import JournalEntry, SigningWindow
from audit.signing_forms import SignatureForm
from tests import factories
from tests.accounts.test_authenticator import events, sign
from tests.conftest import PASSWORD
from tests.production.test_races import at_once

pytestmark = pytest.mark.django_db

REASON = "The phone was left on a train"
SECURITY, DEVICES = "/accounts/security/", "/accounts/security/devices/"
LOGIN, CODE = "/accounts/login/", "/accounts/login/code/"


def set_up_app(user) -> str:
    with act_as(user, source="test"):
        enrolment = authenticators.begin(user, password=PASSWORD)
        authenticators.finish(user, sealed=enrolment.sealed, code=pyotp.TOTP(enrolment.key).at(timezone.now()))
    user.refresh_from_db()
    return enrolment.key


def lose(user, role="qa_manager"):
    set_up_app(user)
    with act_as(factories.user(role, password=PASSWORD), source="test"):
        authenticators.revoke(user_id=user.pk, reason=REASON)
    user.refresh_from_db()
    return user


def given_out(user, **asked):
    values = {"document_class": "employee_card", "hours": 8, "once": False, "reason": REASON}
    with act_as(factories.user("qa_manager", password=PASSWORD), source="test"):
        return temporary_codes.issue(user_id=user.pk, **values | asked)


@pytest.fixture
def owner(user_of):
    user = user_of("supervisor")
    with factories.arranging():
        User.objects.filter(pk=user.pk).update(email="owner@example.com")
    user.refresh_from_db()
    return user


@pytest.fixture
def lost(owner):
    return lose(owner)


class TestLoss:
    def test_it_never_lowers_what_a_signature_needs(self, lost):
        """Not even where the plant asks the role for no second factor."""
        with pytest.raises(SignatureRefused, match="was revoked"):
            sign(lost)

        set_up_app(lost)
        assert lost.signs_with() == ("password", "totp")

    def test_the_owner_still_comes_in_to_set_up_the_next_one(self, client, lost):
        client.post(LOGIN, {"username": lost.username, "password": PASSWORD})

        assert "Revoked. Set up the next one" in client.get("/accounts/signing/").content.decode()

    def test_who_never_had_one_signs_as_before(self, owner):
        assert sign(owner).components == ("id", "password")


class TestUse:
    def test_it_stands_in_for_the_app_beside_the_password(self, lost):
        code = given_out(lost).code

        assert sign(lost, code=code).components == ("id", "password", "temporary")
        assert sign(lost, code=code).user == lost  # until its hours are over

    def test_where_the_role_has_to_have_a_device(self, settings, lost):
        settings.SIGNING_TOTP_ROLES = ["supervisor"]

        assert sign(lost, code=given_out(lost).code).user == lost

    def test_the_code_without_the_password_signs_nothing(self, lost):
        """So whoever gave it out cannot sign as its owner."""
        code = given_out(lost).code

        with pytest.raises(SignatureRefused, match="attempt 1 of 5"):
            sign(lost, password="guessed", code=code)
        with pytest.raises(SignatureRefused, match="attempt 2 of 5"):
            sign(lost, password=code, code=code)

    def test_the_password_without_the_code_signs_nothing(self, lost):
        given_out(lost)

        with pytest.raises(SignatureRefused, match="temporary code as well"):
            sign(lost)
        with pytest.raises(SignatureRefused, match="attempt 1 of 5"):
            sign(lost, code="12345 67890")
        assert events(lost)[-2:] == [("signing_refused", "no code"), ("signing_failed", "code")]

    def test_nor_does_a_code_of_the_lost_device(self, owner):
        key = set_up_app(owner)
        with act_as(factories.user("qa_manager", password=PASSWORD), source="test"):
            authenticators.revoke(user_id=owner.pk, reason=REASON)
        given_out(owner)

        with pytest.raises(SignatureRefused, match="attempt 1 of 5"):
            sign(owner, code=pyotp.TOTP(key).at(timezone.now() + dt.timedelta(seconds=30)))

    @pytest.mark.parametrize("typed", ["{0} {1}", "{0}-{1}", "{0}ー{1}", "wide"])
    def test_as_people_type_it(self, lost, typed):
        code = given_out(lost).code
        wide = code.translate({ord("0") + n: ord("０") + n for n in range(10)})

        assert sign(lost, code=wide if typed == "wide" else typed.format(code[:5], code[5:])).user == lost

    def test_signing_in_asks_for_it_too(self, client, lost):
        code = given_out(lost).code
        client.post(LOGIN, {"username": lost.username, "password": PASSWORD})
        page = client.get(CODE).content.decode()

        wrong = client.post(CODE, {"code": "0" * 10})
        client.post(CODE, {"code": code})

        assert "Enter the temporary code" in page
        assert wrong.status_code == 422
        assert client.session["_auth_user_id"] == str(lost.pk)
        assert events(lost)[-2:] == [("password_wrong", "code"), ("signed_in", "temporary code")]

    def test_the_sign_page_asks_for_it_by_its_name(self, client, lost):
        given_out(lost)
        client.force_login(lost)
        request = client.get("/accounts/signing/").wsgi_request

        assert SignatureForm(request=request, meanings=["released"]).fields["code"].label == "Temporary code"

    def test_a_token_needs_it_too(self, client, lost):
        code = given_out(lost).code

        def ask(**more):
            body = {"username": lost.username, "password": PASSWORD} | more
            return client.post("/api/v1/auth/token/", body, content_type="application/json").status_code

        assert (ask(), ask(code="0" * 10), ask(code=code)) == (401, 401, 200)


class TestItsEnd:
    def test_after_its_hours(self, lost):
        row = given_out(lost, hours=1)
        with factories.arranging():
            earlier = timezone.now() - dt.timedelta(hours=1, seconds=1)
            TemporaryCode.objects.update(issued_at=earlier, expires_at=earlier + dt.timedelta(hours=1))

        with pytest.raises(SignatureRefused, match="temporary code"):
            sign(lost, code=row.code)
        assert lost.signs_with() == ("password",)

    def test_one_for_a_single_use_is_used_up(self, lost):
        code = given_out(lost, once=True).code

        assert sign(lost, code=code).components == ("id", "password", "temporary")
        with pytest.raises(SignatureRefused, match="was revoked"):
            sign(lost, code=code)
        assert TemporaryCode.objects.get().ended_why == "used"

    def test_a_wrong_password_does_not_use_it_up(self, lost):
        code = given_out(lost, once=True).code

        with pytest.raises(SignatureRefused):
            sign(lost, password="wrong", code=code)
        assert sign(lost, code=code).user == lost

    def test_revoked_by_another_person(self, lost, as_role):
        code = given_out(lost).code
        with as_role("qa_manager"):
            temporary_codes.revoke(user_id=lost.pk, reason="Was read out aloud")

        with pytest.raises(SignatureRefused, match="was revoked"):
            sign(lost, code=code)
        assert events(lost)[-2] == ("code_revoked", "Was read out aloud")
        with as_role("qa_manager"), pytest.raises(InvalidInput, match="has no temporary code"):
            temporary_codes.revoke(user_id=lost.pk, reason="Once more")

    def test_a_later_one_replaces_it(self, lost):
        first, second = given_out(lost).code, given_out(lost).code

        with pytest.raises(SignatureRefused, match="attempt 1"):
            sign(lost, code=first)
        assert sign(lost, code=second).user == lost

    def test_the_next_app_replaces_it(self, lost):
        code = given_out(lost).code
        set_up_app(lost)

        with pytest.raises(SignatureRefused, match="attempt 1"):
            sign(lost, code=code)
        assert TemporaryCode.objects.get().ended_why == "app"

    def test_a_password_set_by_another_ends_it(self, lost, as_admin):
        """Or two people together could be a third one."""
        given_out(lost)
        passwords.set_password(user_id=lost.pk, password="another-long-password")

        assert TemporaryCode.objects.get().ended_why == "password"
        with pytest.raises(InvalidInput, match="Somebody else set the password"):
            given_out(lost)

    def test_and_so_does_one_set_by_a_link(self, lost):
        given_out(lost)
        with act_as(lost, source="test"):
            passwords.use_link(lost, "another-long-password")

        assert TemporaryCode.objects.get().ended_why == "password"

    def test_a_series_of_signatures_ends_with_its_beginning(self, lost):
        now = timezone.now()
        with factories.arranging():
            SigningWindow.objects.create(user=lost, session_hash="0" * 64, opened_at=now, last_used_at=now)
        given_out(lost)

        assert SigningWindow.objects.get().closed_why == "password"


class TestGivingOut:
    def test_everything_about_it_is_kept_and_the_code_is_not(self, lost):
        issued = given_out(lost, hours=2, once=True)
        row = TemporaryCode.objects.get()

        assert (row.user, row.issued_by.username, row.document_class) == (lost, "test-qa_manager", "employee_card")
        assert (row.expires_at - row.issued_at, row.once, row.ended_at) == (dt.timedelta(hours=2), True, None)
        assert re.fullmatch(r"\d{10}", issued.code)
        assert ("code_issued", REASON) in events(lost)
        entry = JournalEntry.objects.filter(table_name="accounts_temporarycode").get()
        assert (entry.actor_name, entry.reason) == ("Test qa_manager", REASON)
        with connection.cursor() as cursor:
            for secret in (issued.code, row.code):
                cursor.execute("SELECT count(*) FROM journal_entry e WHERE to_jsonb(e)::text LIKE %s", [f"%{secret}%"])
                assert cursor.fetchone() == (0,)
        outbox.dispatch()
        assert "A temporary code for your account" in mail.outbox[-1].body
        assert issued.code not in mail.outbox[-1].body

    def test_never_for_oneself(self, as_role):
        with as_role("qa_manager") as manager:
            set_up_app(manager)
        with act_as(factories.superuser(password=PASSWORD), source="test"):
            authenticators.revoke(user_id=manager.pk, reason=REASON)
        with pytest.raises(InvalidInput, match="Another person"):
            given_out(manager)

    def test_the_database_says_so_too(self, lost):
        now = timezone.now()
        values = {"document_class": "passport", "code": "-", "once": False, "issued_at": now}
        hour, manager = dt.timedelta(hours=1), factories.user("qa_manager")
        for wrong in (
            {"issued_by": lost, "expires_at": now + hour},
            {"issued_by": manager, "expires_at": now + 13 * hour},
            {"issued_by": manager, "expires_at": now},
        ):
            with pytest.raises(IntegrityError), factories.arranging(), transaction.atomic():
                TemporaryCode.objects.create(user=lost, **values | wrong)

    def test_not_by_who_can_set_passwords(self, lost, as_admin):
        with pytest.raises(InvalidInput, match="Who can set passwords"):
            temporary_codes.issue(user_id=lost.pk, document_class="passport", hours=1, once=True, reason=REASON)

    def test_not_without_reason_right_document_or_limit(self, lost, as_role):
        with pytest.raises(ReasonRequired):
            given_out(lost, reason=".")
        with pytest.raises(InvalidInput, match="which document"):
            given_out(lost, document_class="")
        for hours in (0, 13):
            with pytest.raises(InvalidInput, match="From 1 to 12"):
                given_out(lost, hours=hours)
        with as_role("planner"), pytest.raises(MissingPermission):
            temporary_codes.issue(user_id=lost.pk, document_class="passport", hours=1, once=True, reason=REASON)
        assert not TemporaryCode.objects.exists()

    def test_not_where_no_device_is_lost(self, owner):
        with pytest.raises(InvalidInput, match="never had"):
            given_out(owner)
        set_up_app(owner)
        with pytest.raises(InvalidInput, match="Revoke the lost"):
            given_out(owner)

    def test_not_for_a_locked_account(self, lost):
        for _ in range(5):
            authenticate(username=lost.username, password="wrong")

        with pytest.raises(InvalidInput, match="locked"):
            given_out(lost)


class TestPages:
    """A supervisor of the night shift does it all from the page about security."""

    @pytest.fixture
    def operator(self, user_of):
        user = user_of("operator")
        set_up_app(user)
        return user

    @pytest.fixture
    def supervisor(self, client, user_of):
        client.force_login(user_of("supervisor"))
        return client

    def test_from_the_loss_to_the_code(self, supervisor, operator):
        page = f"{DEVICES}{operator.pk}/"
        assert DEVICES in supervisor.get(SECURITY).content.decode()
        assert page in supervisor.get(f"{DEVICES}?q=test+operator").content.decode()

        supervisor.post(f"{page}revoke/authenticator/", {"reason": REASON})
        shown = supervisor.post(f"{page}code/", {"document_class": "employee_card", "hours": "8", "reason": REASON})
        after = supervisor.get(page).content.decode()

        code = re.search(r"\d{5} \d{5}", shown.content.decode()).group()
        assert "no-store" in shown["Cache-Control"]
        assert sign(operator, code=code).user == operator
        assert code not in after
        assert "Given out by Test supervisor" in after
        assert page in supervisor.get(DEVICES).content.decode()

        supervisor.post(f"{page}revoke/code/", {"reason": REASON})
        with pytest.raises(SignatureRefused):
            sign(operator, code=code)

    def test_what_is_refused_is_said_beside_its_field(self, supervisor, operator):
        page = f"{DEVICES}{operator.pk}/"

        no_reason = supervisor.post(f"{page}revoke/authenticator/", {"reason": ""})
        too_long = supervisor.post(f"{page}code/", {"document_class": "passport", "hours": "13", "reason": REASON})
        too_early = supervisor.post(f"{page}code/", {"document_class": "passport", "hours": "1", "reason": REASON})

        assert [answer.status_code for answer in (no_reason, too_long, too_early)] == [422, 422, 422]
        assert operator.signs_with() == ("password", "totp")

    def test_nothing_else_can_be_revoked_and_nobody_else(self, supervisor, operator):
        page = f"{DEVICES}{operator.pk}/"

        assert supervisor.post(f"{page}revoke/password/", {"reason": REASON}).status_code == 404
        assert supervisor.get(f"{DEVICES}{system_user().pk}/").status_code == 404

    def test_the_own_account_shows_no_form(self, client, owner):
        set_up_app(owner)
        client.force_login(owner)

        page = client.get(f"{DEVICES}{owner.pk}/").content.decode()
        refused = client.post(f"{DEVICES}{owner.pk}/revoke/authenticator/", {"reason": REASON})

        assert "another person has to do this" in page
        assert "/revoke/authenticator/" not in page
        assert refused.status_code == 422

    @pytest.mark.parametrize("role", ["operator", "planner", "auditor"])
    def test_others_see_none_of_it(self, client, user_of, operator, role):
        client.force_login(user_of(role))

        assert client.get(DEVICES).status_code == 403
        assert client.get(f"{DEVICES}{operator.pk}/").status_code == 403
        assert client.post(f"{DEVICES}{operator.pk}/revoke/authenticator/", {"reason": REASON}).status_code == 403

    def test_its_queries_do_not_grow_with_the_people(self, supervisor, django_assert_max_num_queries):
        for n in range(3):
            factories.user("operator", password=PASSWORD, name=f"nobody-{n}")

        with django_assert_max_num_queries(12):
            supervisor.get(f"{DEVICES}?q=test")


@pytest.mark.django_db(transaction=True)
def test_of_two_with_one_code_for_a_single_use_one_signs():
    """The other is not left with the password alone."""
    user = lose(factories.user("operator", password=PASSWORD))
    code = given_out(user, once=True).code

    def confirmed():
        return authenticate(username=user.username, password=PASSWORD, code=code, signing=True) is not None

    assert sorted(at_once(user, confirmed, confirmed)) == [False, True]
    assert TemporaryCode.objects.get().ended_why == "used"
