"""The signing PIN of who signs in at a provider: set by its owner, strong for digits, old and locked as a password."""

import datetime as dt

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts.current_session import session_of
from accounts.models import User
from accounts.services import confirmations, pins
from accounts.validators import check_pin
from audit import outbox
from audit.context import act_as
from audit.errors import InvalidInput, MissingPermission, SignatureRefused
from audit.models import SecurityEvent
from audit.signatures import confirm_identity
from tests import factories

pytestmark = pytest.mark.django_db

PIN, OTHER = "804719", "357068"
PAGE = "/accounts/signing/pin/"


@pytest.fixture
def user(user_of, settings):
    settings.OIDC_ISSUER, settings.OIDC_NAME = "http://127.0.0.1:9", "Entra"
    user = user_of("supervisor")
    user.set_unusable_password()
    user.uses_provider, user.email = True, "owner@example.com"
    with factories.arranging():
        user.save()
    return user


def set_pin(user, pin, *, confirmed=True):
    with session_of("session"), act_as(user, source="test"):
        if confirmed:
            confirmations.give(user, authenticated_at=timezone.now())
        pins.set_own(user, pin)
    user.refresh_from_db()
    return user


def sign(user, pin):
    with act_as(user, source="test"):
        return confirm_identity(user=user, username=user.get_username(), password=pin)


def kinds(user):
    return list(SecurityEvent.objects.filter(user=user).order_by("id").values_list("kind", flat=True))


class TestStrength:
    @pytest.mark.parametrize(
        "pin",
        [
            "123456",
            "654321",
            "890123",
            "135791",
            "111111",
            "121212",
            "123123",
            "112211",
            "198504",
            "041985",
            "851231",
            "311285",
            "123185",
            "12345",
            "1234567890123",
            "80471a",
            "８０４７１９",
            "",
            "804 719",
        ],
    )
    def test_trivial_ones_are_refused(self, user, pin):
        with pytest.raises(ValidationError):
            check_pin(pin, user)

    @pytest.mark.parametrize("pin", [PIN, OTHER, "90417736", "402968"])
    def test_others_are_not(self, user, pin):
        check_pin(pin, user)

    def test_nothing_of_the_user_name(self):
        with pytest.raises(ValidationError):
            check_pin("804719", User(username="sato804719"))


class TestSetting:
    def test_its_owner_signs_with_it(self, user):
        set_pin(user, PIN)

        assert user.signs_with() == ("pin",)
        assert sign(user, PIN).components == ("id", "pin")
        assert kinds(user) == ["pin_set"]
        outbox.dispatch()
        assert "new signing PIN" in mail.outbox[0].body

    def test_it_opens_no_session(self, user):
        set_pin(user, PIN)

        assert authenticate(username=user.username, password=PIN) is None

    def test_an_open_session_alone_sets_none(self, user):
        with pytest.raises(InvalidInput, match="Confirm at Entra"):
            set_pin(user, PIN, confirmed=False)

    def test_who_has_a_password_has_none(self, user_of):
        with pytest.raises(InvalidInput, match="has a password"):
            set_pin(user_of("planner"), PIN)

    def test_the_database_keeps_it_from_standing_beside_a_password(self, user_of):
        with pytest.raises(IntegrityError), factories.arranging():
            User.objects.filter(pk=user_of("planner").pk).update(signing_pin="hash")

    def test_former_ones_do_not_come_back(self, user):
        set_pin(user, PIN)
        set_pin(user, OTHER)

        for again in (PIN, OTHER):
            with pytest.raises(InvalidInput, match="cannot be used again"):
                set_pin(user, again)

    def test_hashes_are_digests_in_the_journal(self, user):
        set_pin(user, PIN)

        with connection.cursor() as cursor:
            for secret in (user.signing_pin, f'"{PIN}"'):
                cursor.execute("SELECT count(*) FROM journal_entry e WHERE to_jsonb(e)::text LIKE %s", [f"%{secret}%"])
                assert cursor.fetchone() == (0,)

    def test_on_the_page(self, client, user):
        client.force_login(user)
        assert "Confirm at Entra" in client.get(PAGE).content.decode()

        with session_of(client.session.session_key), act_as(user, source="test"):
            confirmations.give(user, authenticated_at=timezone.now())
        weak = client.post(PAGE, {"pin": "123456", "again": "123456"})
        differ = client.post(PAGE, {"pin": PIN, "again": OTHER})
        done = client.post(PAGE, {"pin": PIN, "again": PIN})

        assert (weak.status_code, differ.status_code, done.status_code) == (422, 422, 302)
        user.refresh_from_db()
        assert sign(user, PIN)
        assert "You can sign." in client.get("/accounts/signing/").content.decode()


class TestUse:
    def test_wrong_ones_lock(self, user):
        set_pin(user, PIN)
        for attempt in range(1, 6):
            with pytest.raises(SignatureRefused, match=f"attempt {attempt}|locked"):
                sign(user, OTHER)

        user.refresh_from_db()
        assert user.locked_at
        with pytest.raises(SignatureRefused, match="locked"):
            sign(user, PIN)

    def test_an_old_one_signs_nothing(self, user, settings):
        settings.PASSWORD_MAX_DAYS = 30
        set_pin(user, PIN)
        with factories.arranging():
            User.objects.filter(pk=user.pk).update(pin_changed_at=timezone.now() - dt.timedelta(days=31))
        user.refresh_from_db()

        with pytest.raises(SignatureRefused, match="PIN is too old"):
            sign(user, PIN)
        set_pin(user, OTHER)
        assert sign(user, OTHER)

    def test_revoked_it_signs_nothing_and_does_not_come_back(self, client, user, user_of):
        set_pin(user, PIN)
        client.force_login(user_of("qa_manager"))

        client.post(f"/admin/accounts/user/{user.pk}/revoke-pin/", {"reason": "Was seen typing it"})

        user.refresh_from_db()
        assert user.signs_with() == ("provider",)
        with pytest.raises(SignatureRefused, match="Confirm at Entra"):
            sign(user, PIN)
        with pytest.raises(InvalidInput, match="cannot be used again"):
            set_pin(user, PIN)
        outbox.dispatch()
        assert "revoked by another person" in mail.outbox[-1].body

    def test_not_by_oneself_nor_without_the_right(self, user, as_role):
        with as_role("qa_manager") as manager, pytest.raises(InvalidInput, match="Another person"):
            pins.revoke(user_id=manager.pk, reason="Was seen typing it")
        with as_role("planner"), pytest.raises(MissingPermission):
            pins.revoke(user_id=user.pk, reason="Was seen typing it")
