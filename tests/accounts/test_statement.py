"""Who signs has read what a signature means: the revision in force, acknowledged by the person."""

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone, translation

from accounts.models import Acknowledgement, SigningStatement
from accounts.services import statements
from accounts.services.qualifications import qualify
from accounts.services.users import create_user
from audit.context import act_as
from audit.errors import InvalidInput, MissingPermission, SignatureRefused, StaleVersion
from audit.models import SecurityEvent
from audit.signatures import confirm_identity
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

PAGE = "/accounts/signing/statement/"
DAY = dt.timedelta(days=1)


def issue(text="Signing here binds.", *, days=0):
    return statements.issue(
        text_en=text, text_ja="署名は拘束力を持つ。", effective_from=timezone.localdate() + days * DAY
    )


def sign(user):
    with act_as(user, source="test"):
        return confirm_identity(user=user, username=user.get_username(), password=PASSWORD)


@pytest.fixture
def user(user_of):
    return user_of("supervisor")


@pytest.fixture
def second(as_role):
    with as_role("qa_manager"):
        return issue()


def test_a_plant_begins_with_a_revision_in_both_languages():
    first = statements.in_force()

    assert first.revision == 1
    assert "legally binding equivalent of my handwritten signature" in first.text
    with translation.override("ja"):
        assert "手書きの署名" in first.text


def test_a_new_revision_asks_again(client, user, second):
    with pytest.raises(SignatureRefused, match="My right to sign"):
        sign(user)
    assert SecurityEvent.objects.get(user=user).kind == "signing_refused"

    client.force_login(user)
    own = client.get("/accounts/signing/").content.decode()
    page = client.get(PAGE).content.decode()
    client.post(PAGE, {"statement": str(second.pk)})

    assert PAGE in own
    assert "Signing here binds." in page
    assert sign(user).user == user
    assert "You acknowledged this" in client.get(PAGE).content.decode()
    kept = Acknowledgement.objects.get(statement=second)
    assert (kept.user, timezone.now() - kept.at < dt.timedelta(minutes=1)) == (user, True)


def test_one_of_a_later_day_asks_nobody_yet(user, as_role):
    with as_role("qa_manager"):
        issue(days=1)

    assert sign(user).user == user
    assert statements.in_force().revision == 1


def test_what_was_read_is_what_is_acknowledged(client, user, second):
    first = SigningStatement.objects.get(revision=1)
    client.force_login(user)

    for old in (str(first.pk), "nonsense", ""):
        client.post(PAGE, {"statement": old})
        assert not user.acknowledgements.filter(statement=second).exists()
    with act_as(user, source="test"), pytest.raises(StaleVersion, match="newer revision"):
        statements.acknowledge(statement_id=first.pk)


def test_once_is_enough(user, second):
    with act_as(user, source="test"):
        statements.acknowledge(statement_id=second.pk)
        statements.acknowledge(statement_id=second.pk)

    assert user.acknowledgements.filter(statement=second).count() == 1


def test_not_for_a_shared_station(user, second):
    user.is_station = True
    with act_as(user, source="test"), pytest.raises(InvalidInput, match="one person"):
        statements.acknowledge(statement_id=second.pk)


@pytest.mark.parametrize("table", ["accounts_signingstatement", "accounts_acknowledgement"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_both_are_written_once(user, table, statement):
    with pytest.raises(DatabaseError, match="denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


class TestIssuing:
    def test_not_for_a_day_that_has_passed(self, as_role):
        with as_role("qa_manager"), pytest.raises(InvalidInput, match="today or a later day"):
            issue(days=-1)

    @pytest.mark.parametrize("text", ["", "  \n"])
    def test_not_without_a_text(self, as_role, text):
        with as_role("qa_manager"), pytest.raises(InvalidInput):
            issue(text)

    def test_not_without_the_right(self, as_role):
        with as_role("supervisor"), pytest.raises(MissingPermission):
            issue()

    def test_in_the_administration(self, client, user_of):
        client.force_login(user_of("qa_manager"))
        entered = {"text_en": "New", "text_ja": "新", "effective_from": str(timezone.localdate())}

        past = client.post(
            "/admin/accounts/signingstatement/add/", entered | {"effective_from": str(timezone.localdate() - DAY)}
        )
        client.post("/admin/accounts/signingstatement/add/", entered)
        made = statements.in_force()
        client.post(f"/admin/accounts/signingstatement/{made.pk}/change/", entered | {"text_en": "Other"})

        assert "today or a later day" in past.content.decode()
        assert (made.revision, statements.in_force().text) == (2, "New")


def test_a_checked_identity_alone_is_not_enough(as_admin, as_role):
    new = create_user(username="new", printed_name="New", roles=["supervisor"])
    day = timezone.localdate()
    with as_role("qa_manager"):
        qualify(user_id=new.pk, document_class="passport", training="SOP-12", valid_from=day, valid_until=day)

    assert "Read the statement" in new.why_not_sign()
    with act_as(new, source="test"):
        statements.acknowledge(statement_id=statements.in_force().pk)
    assert new.why_not_sign() == ""
