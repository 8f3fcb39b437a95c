"""Wrong passwords lock an account, somebody is told at once, another person opens it again."""

import threading

import pytest
from django.contrib.auth import authenticate
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts.models import User
from accounts.services import locks
from audit import outbox
from audit.context import act_as
from audit.errors import InvalidInput, MissingPermission, ReasonRequired, SignatureRefused
from audit.models import Outbox, SecurityEvent
from audit.signatures import confirm_identity
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
REASON = "Asked at the machine, was tired"


def sign_in(client, username, password=PASSWORD):
    return client.post(LOGIN, {"username": username, "password": password})


def ask_token(client, username, password=PASSWORD):
    return client.post(
        "/api/v1/auth/token/", {"username": username, "password": password}, content_type="application/json"
    )


def guess(user, times=5):
    for _ in range(times):
        assert authenticate(username=user.username, password="wrong") is None
    user.refresh_from_db()
    return user


def kinds(**of):
    return list(SecurityEvent.objects.filter(**of).order_by("id").values_list("kind", flat=True))


@pytest.fixture
def operator(user_of):
    return user_of("operator")


@pytest.fixture
def locked(operator):
    return guess(operator)


def test_five_wrong_passwords_lock_and_a_sixth_right_one_stays_outside(client, operator):
    for _ in range(5):
        sign_in(client, operator.username, "wrong")

    refused = sign_in(client, operator.username)

    operator.refresh_from_db()
    assert operator.locked_at
    assert refused.status_code == 422
    assert "_auth_user_id" not in client.session
    assert ask_token(client, operator.username).status_code == 401
    assert kinds(user=operator) == [*["password_wrong"] * 5, "locked", "sign_in_refused", "sign_in_refused"]


def test_four_wrong_ones_do_not(client, operator):
    guess(operator, 4)

    assert sign_in(client, operator.username).status_code == 302


def test_login_and_signing_count_together(as_admin):
    guess(as_admin, 3)
    for attempt in (4, 5):
        with pytest.raises(SignatureRefused, match=f"attempt {attempt}|locked"):
            confirm_identity(user=as_admin, username=as_admin.get_username(), password="wrong")

    as_admin.refresh_from_db()
    assert as_admin.locked_at
    assert kinds(user=as_admin)[-3:] == ["signing_failed", "signing_failed", "locked"]


def test_old_ones_do_not_count(operator, settings):
    guess(operator, 4)
    settings.LOCKOUT_MINUTES = 0

    assert guess(operator, 1).locked_at is None


def test_a_locked_account_keeps_the_session_it_has_but_signs_nothing(client, user_of):
    """Else whoever knows the names of a shift could end its work from any keyboard."""
    user = user_of("supervisor")
    client.force_login(user)
    guess(user)

    assert client.get("/board/").status_code == 200
    with act_as(user, source="test"), pytest.raises(SignatureRefused, match="locked"):
        confirm_identity(user=user, username=user.get_username(), password=PASSWORD)


def test_a_locked_program_gets_no_new_token_for_an_old_one(client, user_of):
    program = user_of("integration")
    refresh = ask_token(client, program.username).json()["refresh"]
    guess(program)

    answer = client.post("/api/v1/auth/token/refresh/", {"refresh": refresh}, content_type="application/json")

    assert answer.status_code == 401


def test_unknown_wrong_and_locked_get_one_answer(client, user_of, operator, locked):
    other = user_of("planner")

    pages = [
        sign_in(Client(), name, password).content.decode()
        for name, password in (("nobody", "x"), (other.username, "x"), (locked.username, PASSWORD))
    ]

    errors = {page.split('data-level="error"')[1].split("</div>")[0] for page in pages}
    assert len(errors) == 1
    assert "After 5 wrong passwords" in errors.pop()


def test_every_no_costs_one_hash(operator, locked, user_of, monkeypatch):
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *a: hashed.append(1) or encode(*a))
    without, left = user_of("planner"), user_of("inspector")
    with factories.arranging():
        without.set_unusable_password()
        without.save()
        left.is_active = False
        left.save()
    hashed.clear()

    costs = []
    for name, password in (
        ("nobody", "x"),
        (locked.username, "x"),
        (locked.username, PASSWORD),
        (without.username, "x"),
        (left.username, PASSWORD),
    ):
        sign_in(Client(), name, password)
        costs.append(len(hashed))
        hashed.clear()

    assert costs == [1] * 5


def test_what_happened_is_noted_without_the_password(client, operator):
    client.cookies["station"] = ""
    client.post(LOGIN, {"username": "TEST-operator", "password": "hunter2-secret"}, REMOTE_ADDR="10.1.2.3")
    client.post(LOGIN, {"username": "hunter2 secret!", "password": "x"}, REMOTE_ADDR="10.1.2.3")
    sign_in(client, operator.username)

    wrong, unknown, right = SecurityEvent.objects.order_by("id")
    assert (wrong.kind, wrong.user, wrong.name_typed) == ("password_wrong", operator, "TEST-operator")
    assert (wrong.address, wrong.source) == ("10.1.2.3", "web")
    assert (unknown.kind, unknown.user, unknown.name_typed) == ("name_unknown", None, "")
    assert (right.kind, right.user) == ("signed_in", operator)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM journal_entry WHERE to_jsonb(journal_entry)::text LIKE '%hunter2%'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT actor_name FROM journal_entry WHERE table_name = 'audit_securityevent' ORDER BY id")
        assert [name for (name,) in cursor.fetchall()] == ["Genba (sign-in)"] * 2 + ["Test operator"]


@pytest.mark.parametrize("statement", ["UPDATE audit_securityevent SET id = id", "DELETE FROM audit_securityevent"])
def test_events_are_written_once(locked, statement):
    with pytest.raises(DatabaseError, match="denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


class TestNotice:
    def test_one_lock_queues_one_notice(self, locked):
        guess(locked, 3)

        message = Outbox.objects.get()
        assert (message.kind, message.urgent, message.payload["username"]) == ("account_locked", True, locked.username)

    def test_lock_and_notice_are_written_together_or_not_at_all(self, operator, monkeypatch):
        guess(operator, 4)
        monkeypatch.setattr(outbox, "queue", lambda *a, **b: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            guess(operator, 1)

        operator.refresh_from_db()
        assert operator.locked_at is None
        assert kinds(user=operator) == ["password_wrong"] * 4
        assert not Outbox.objects.exists()

    def test_who_may_unlock_sees_it_on_every_page(self, client, user_of, locked):
        client.force_login(user_of("supervisor"))
        assert "1 account is locked" in client.get("/board/").content.decode()

        client.force_login(user_of("planner"))
        assert "account is locked" not in client.get("/board/").content.decode()


class TestUnlock:
    def test_another_person_opens_it_with_a_reason_and_the_count_begins_anew(self, client, as_role, locked):
        with as_role("supervisor") as supervisor:
            locks.unlock(user_id=locked.pk, reason=REASON)

        assert guess(locked, 4).locked_at is None
        assert sign_in(client, locked.username).status_code == 302
        assert "unlocked" in kinds(user=locked)
        message = Outbox.objects.get()
        assert (message.acknowledged_by, bool(message.acknowledged_at)) == (supervisor, True)

    def test_never_oneself(self, as_role):
        with as_role("supervisor") as supervisor:
            guess(supervisor)
            with pytest.raises(InvalidInput, match="Another person"):
                locks.unlock(user_id=supervisor.pk, reason=REASON)

    @pytest.mark.parametrize("reason", ["", ".", "ok"])
    def test_not_without_a_reason(self, as_role, locked, reason):
        with as_role("supervisor"), pytest.raises(ReasonRequired):
            locks.unlock(user_id=locked.pk, reason=reason)

        locked.refresh_from_db()
        assert locked.locked_at

    def test_not_without_the_right(self, as_role, locked):
        with as_role("planner"), pytest.raises(MissingPermission):
            locks.unlock(user_id=locked.pk, reason=REASON)

    def test_on_the_page(self, client, user_of, locked):
        client.force_login(user_of("supervisor"))
        page = client.get("/accounts/security/").content.decode()
        assert "Test operator" in page

        refused = client.post(f"/accounts/security/{locked.pk}/unlock/", {"reason": "."})
        client.post(f"/accounts/security/{locked.pk}/unlock/", {"reason": REASON})

        assert refused.status_code == 422
        locked.refresh_from_db()
        assert locked.locked_at is None
        assert "No account is locked." in client.get("/accounts/security/").content.decode()

    def test_acknowledging_leaves_it_locked(self, client, user_of, locked):
        client.force_login(user_of("supervisor"))
        message = Outbox.objects.get()

        client.post(f"/accounts/security/notices/{message.pk}/acknowledge/")

        message.refresh_from_db()
        locked.refresh_from_db()
        assert message.acknowledged_at
        assert locked.locked_at

    def test_in_the_administration(self, client, user_of, locked):
        client.force_login(factories.superuser(password=PASSWORD))

        client.post(f"/admin/accounts/user/{locked.pk}/unlock/", {"reason": REASON})

        locked.refresh_from_db()
        assert locked.locked_at is None

    @pytest.mark.parametrize("role", ["operator", "planner", "auditor"])
    def test_others_do_not_see_the_page(self, client, user_of, role):
        client.force_login(user_of(role))

        assert client.get("/accounts/security/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_wrong_passwords_at_once_each_is_counted():
    """Six at once: the fifth locks, exactly one notice, whoever comes first."""
    user = factories.user("operator", password=PASSWORD)
    ready = threading.Barrier(6)

    def one():
        ready.wait(10)
        try:
            authenticate(username=user.username, password="wrong")
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert User.objects.get(pk=user.pk).locked_at
    assert sorted(kinds(user=user)) == sorted(["password_wrong"] * 6 + ["locked"])
    assert Outbox.objects.count() == 1
