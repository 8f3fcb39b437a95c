"""One name, one account; a right to sign that another person gave; accounts that stay."""

import datetime as dt
import unicodedata

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import SigningQualification, User
from accounts.services import qualifications
from accounts.services.users import create_user, program_user
from audit.context import act_as
from audit.errors import Conflict, InvalidInput, MissingPermission, RecordKept, SignatureRefused
from audit.models import SecurityEvent
from audit.signatures import confirm_identity
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
TODAY = timezone.localdate


def _caseless(text: str) -> str:
    """Compatibility caseless match, as the Unicode Standard writes it (D146), in its composed form."""
    once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


class TestNames:
    SPELLINGS = ("SATO", "ＳＡＴＯ", "ｓａｔｏ", "Sato")

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_a_name_is_taken_in_every_spelling(self, as_admin, spelling):
        create_user(username="sato", printed_name="Sato", roles=[])

        with pytest.raises(Conflict, match=r"taken|already exists"):
            create_user(username=spelling, printed_name="Another", roles=[])

    @pytest.mark.parametrize(("first", "second"), [("sato", "ＳＡＴＯ"), ("é", "e\u0301"), ("ｶﾞ", "ガ")])
    def test_the_database_says_so_too(self, as_admin, first, second):
        with factories.arranging():
            User.objects.bulk_create([User(username=first)])

        with pytest.raises(IntegrityError), factories.arranging():
            User.objects.bulk_create([User(username=second)])

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("straße", "STRASSE"),
            ("STRAẞE", "strasse"),
            ("Οδυσσεύς", "ΟΔΥΣΣΕΎΣ"),
            ("ᾳδω", "ΑΙΔΩ"),
            ("ŉ", "ʼN"),
            ("ǰ", "J̌"),
        ],
    )
    def test_by_full_case_folding(self, as_admin, first, second):
        with factories.arranging():
            User.objects.bulk_create([User(username=first)])

        assert User.objects.get_by_natural_key(second).username == first
        with pytest.raises(IntegrityError), factories.arranging():
            User.objects.bulk_create([User(username=second)])

    def test_a_turkish_dotless_i_is_another_letter_whatever_the_locale(self, as_admin):
        with factories.arranging():
            User.objects.bulk_create([User(username="ırmak"), User(username="IRMAK")])

        assert User.objects.get_by_natural_key("irmak").username == "IRMAK"
        assert User.objects.get_by_natural_key("ırmak").username == "ırmak"

    def test_the_database_folds_every_letter_as_unicode_says(self):
        letters = [chr(n) for n in range(1, 0x110000) if unicodedata.ucd_3_2_0.category(chr(n))[0] in "LMN"]
        letters = [c for c in letters if unicodedata.normalize("NFKC", c) == unicodedata.ucd_3_2_0.normalize("NFKC", c)]
        folded = [_caseless(c) for c in letters]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT accounts_one_name(c) FROM unnest(%s::text[]) WITH ORDINALITY t(c, n) ORDER BY n", [letters]
            )
            found = [name for (name,) in cursor.fetchall()]

        assert len(letters) > 90_000
        assert [(c, a, b) for c, a, b in zip(letters, found, folded, strict=True) if a != b] == []

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_every_spelling_signs_in(self, client, as_admin, spelling):
        user = create_user(username="sato", printed_name="Sato", roles=["operator"], password=PASSWORD)

        client.post("/accounts/login/", {"username": spelling, "password": PASSWORD})

        assert client.session["_auth_user_id"] == str(user.pk)


class TestAccountsStay:
    def test_who_acted_is_not_deleted(self, user_of):
        user = user_of("planner")
        with act_as(user, source="test"), factories.arranging():
            User.objects.filter(pk=user.pk).update(email="new@example.com")

        with pytest.raises(DatabaseError, match="has acted"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_user WHERE id = %s", [user.pk])

    def test_who_never_did_anything_is_kept_as_long_as_every_record(self, as_admin):
        with factories.arranging():
            made = User.objects.create(username="typo")

        with pytest.raises(RecordKept), factories.arranging(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_user WHERE id = %s", [made.pk])


def refused(user) -> str:
    with act_as(user, source="test"), pytest.raises(SignatureRefused) as caught:
        confirm_identity(user=user, username=user.get_username(), password=PASSWORD)
    return str(caught.value)


def without_rights(user):
    with factories.arranging():
        user.qualifications.update(ended_at=timezone.now())
    return user


def qualify(user, **values):
    asked = {
        "document_class": "passport",
        "training": "SOP-12 rev. 3",
        "valid_from": TODAY(),
        "valid_until": TODAY() + DAY,
    }
    return qualifications.qualify(user_id=user.pk, **(asked | values))


class TestRightToSign:
    @pytest.fixture
    def new(self, user_of):
        return without_rights(user_of("supervisor"))

    def test_without_a_checked_identity_nobody_signs(self, new):
        assert "check your identity" in refused(new)
        assert SecurityEvent.objects.get(user=new).kind == "signing_refused"

    def test_another_person_gives_it_and_it_is_in_the_journal(self, new, as_role):
        with as_role("qa_manager") as manager:
            right = qualify(new)

        with act_as(new, source="test"):
            assert confirm_identity(user=new, username=new.get_username(), password=PASSWORD).user == new
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT actor_id, reason_code, new ->> 'checked_by_id', new ->> 'document_class' FROM journal_entry"
                " WHERE table_name = 'accounts_signingqualification' AND pk = %s",
                [str(right.pk)],
            )
            assert cursor.fetchall() == [(manager.pk, "qualify_signer", str(manager.pk), "passport")]

    @pytest.mark.parametrize(("first", "last"), [(-2, -1), (1, 2)])
    def test_it_holds_on_its_days_only(self, new, as_role, first, last):
        with as_role("qa_manager"):
            qualify(new, valid_from=TODAY() + first * DAY, valid_until=TODAY() + last * DAY)

        assert "not active" in refused(new)

    def test_ended_it_holds_no_more_and_is_kept(self, new, as_role):
        with as_role("qa_manager"):
            right = qualify(new)
            qualifications.end_qualification(qualification_id=right.pk, reason="Left the department")

        assert "not active" in refused(new)
        assert SigningQualification.objects.get(pk=right.pk).ended_at

    def test_never_oneself(self, as_role):
        with as_role("qa_manager") as manager, pytest.raises(InvalidInput, match="Somebody else"):
            qualify(manager)

    def test_not_by_who_has_not_the_right(self, new, as_role):
        with as_role("planner"), pytest.raises(MissingPermission):
            qualify(new)

    def test_not_for_a_program_or_a_shared_station(self, as_role, user_of):
        station = user_of("operator")
        station.is_station = True
        with factories.arranging():
            station.save()
        with as_role("qa_manager"):
            for user in (program_user("erp", printed_name="ERP"), station):
                with pytest.raises(InvalidInput, match="one person"):
                    qualify(user)

    @pytest.mark.parametrize(("first", "last"), [(0, -1)])
    def test_days_in_the_wrong_order_are_refused(self, new, as_role, first, last):
        with as_role("qa_manager"), pytest.raises(InvalidInput, match="last day"):
            qualify(new, valid_from=TODAY() + first * DAY, valid_until=TODAY() + last * DAY)

    def test_in_the_administration(self, client, new, user_of):
        client.force_login(user_of("qa_manager"))
        entered = {
            "user": str(new.pk),
            "document_class": "id_card",
            "training": "SOP-12 rev. 3",
            "valid_from": str(TODAY()),
            "valid_until": str(TODAY()),
        }

        client.post("/admin/accounts/signingqualification/add/", entered)
        right = SigningQualification.objects.get(user=new, ended_at=None)
        page = f"/admin/accounts/signingqualification/{right.pk}"
        client.post(f"{page}/change/", entered | {"valid_until": "2099-01-01"})
        client.post(f"{page}/end/", {"reason": "Left the department"})

        right.refresh_from_db()
        assert (right.valid_until, right.checked_by.username) == (TODAY(), "test-qa_manager")
        assert right.ended_at


def test_a_shared_station_runs_jobs_and_signs_nothing(user_of):
    station = user_of("supervisor")
    station.is_station = True
    with factories.arranging():
        station.save()

    assert "shared station" in refused(station)
    assert station.has_perm("production.execute_joborder")
