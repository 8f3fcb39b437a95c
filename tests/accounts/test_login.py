"""The login page, the way out, the password, and who is let in at all."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.services.users import person, program_user
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


def sign_in(client, username, password=PASSWORD, **extra):
    return client.post(LOGIN, {"username": username, "password": password} | extra)


@pytest.mark.parametrize("typed", ["test-operator", "Test-Operator", "TEST-OPERATOR"])
def test_the_case_of_a_user_name_does_not_matter(client, user_of, typed):
    user = user_of("operator")

    response = sign_in(client, typed)

    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_wrong_password_is_refused_with_a_clear_message(client, user_of):
    user_of("operator")

    response = sign_in(client, "test-operator", "wrong")

    assert response.status_code == 422
    assert "The user name or the password is wrong." in response.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("name", ["nobody", "", "a\x00b", "名前😀"])
def test_any_unknown_name_is_refused_alike(client, name):
    response = sign_in(client, name)

    assert response.status_code == 422
    assert "_auth_user_id" not in client.session


def test_a_deactivated_account_is_told_so_only_with_its_password(client, user_of):
    user = user_of("operator")
    user.is_active = False
    with factories.arranging():
        user.save()

    right, wrong = sign_in(client, "test-operator"), sign_in(client, "test-operator", "wrong")

    assert "This account is deactivated." in right.content.decode()
    assert "deactivated" not in wrong.content.decode()
    assert "_auth_user_id" not in client.session


def test_signing_in_gives_the_session_a_new_key(client, user_of):
    user_of("operator")
    session = client.session
    session["planted"] = "x"
    session.save()
    before = client.session.session_key

    sign_in(client, "test-operator")

    assert client.session.session_key != before


def test_next_leads_back_but_never_to_another_host(client, user_of):
    user_of("planner")

    inside = sign_in(client, "test-planner", next="/admin/")
    client.post("/accounts/logout/")
    outside = sign_in(client, "test-planner", next="https://evil.example/")

    assert inside["Location"] == "/admin/"
    assert outside["Location"] == "/"


def test_programs_get_no_pages(client, user_of):
    user_of("integration")

    response = sign_in(client, "test-integration")

    assert response.status_code == 403
    assert "tokens for the API" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_program_with_a_second_role_is_a_person_to_the_pages(client, user_of):
    user = user_of("integration")
    with factories.arranging():
        user.groups.add(user_of("operator").groups.get())

    assert sign_in(client, "test-integration").status_code == 302


def test_a_program_user_has_no_usable_password(db):
    program = program_user("erp", printed_name="ERP", role="integration")

    assert not program.has_usable_password()
    assert not program.is_person


def test_an_old_hash_is_made_anew_at_the_login_in_the_persons_name(client, user_of, settings):
    user = user_of("operator")
    old = user.password
    today = "django.contrib.auth.hashers.ScryptPasswordHasher"
    settings.PASSWORD_HASHERS = [today, *settings.PASSWORD_HASHERS]

    assert sign_in(client, "test-operator").status_code == 302

    user.refresh_from_db()
    assert not old.startswith("scrypt$")
    assert user.password.startswith("scrypt$")
    assert user.check_password(PASSWORD)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor_id, reason_code, source, changed FROM journal_entry"
            " WHERE table_name = 'accounts_user' AND pk = %s AND op = 'U' AND reason_code = 'rehash_password'",
            [str(user.pk)],
        )
        assert cursor.fetchall() == [(user.pk, "rehash_password", "web", ["password"])]


def test_the_first_administrator_is_made_at_the_terminal(db, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", interactive=False, username="root", printed_name="Root", verbosity=0)

    user = User.objects.get(username="root")
    assert user.is_superuser
    assert user.check_password(PASSWORD)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor_name, reason_code FROM journal_entry WHERE table_name = 'accounts_user' AND pk = %s",
            [str(user.pk)],
        )
        assert cursor.fetchall() == [("Genba (installation)", "create_superuser")]


class TestTokens:
    def ask(self, client, username, password=PASSWORD):
        return client.post(
            "/api/v1/auth/token/", {"username": username, "password": password}, content_type="application/json"
        )

    def test_programs_get_tokens_instead_and_the_case_of_their_name_does_not_matter(self, client, user_of):
        user_of("integration")

        token = self.ask(client, "TEST-Integration").json()["access"]

        answer = client.get("/api/v1/work-orders/", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200

    def test_a_program_without_a_password_gets_none(self, client):
        program_user("erp", printed_name="ERP", role="integration")

        assert self.ask(client, "erp", "").status_code in (400, 401, 422)
        assert self.ask(client, "erp", "!").status_code == 401

    def test_a_token_dies_with_its_account(self, client, user_of):
        user = user_of("integration")
        token = self.ask(client, user.username).json()["access"]
        user.is_active = False
        with factories.arranging():
            user.save()

        answer = client.get("/api/v1/work-orders/", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, self.ask(client, user.username).status_code) == (401, 401)


@pytest.mark.parametrize(
    ("role", "first_page"),
    [
        ("operator", "/terminal/"),
        ("supervisor", "/board/"),
        ("inspector", "/board/"),
        ("qa_manager", "/board/"),
        ("maintenance", "/board/"),
        ("planner", "/board/"),
        ("auditor", "/board/"),
    ],
)
def test_everybody_starts_where_the_work_is(client, user_of, role, first_page):
    client.force_login(user_of(role))

    assert client.get("/")["Location"] == first_page
    assert client.get(first_page, follow=True).status_code == 200


def test_signing_out_needs_a_post(client, user_of):
    client.force_login(user_of("operator"))

    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == reverse("home")
    assert "_auth_user_id" not in client.session


def test_a_form_without_its_token_is_refused(user_of):
    from django.test import Client

    user_of("operator")

    response = sign_in(Client(enforce_csrf_checks=True), "test-operator")

    assert response.status_code == 403


class TestPassword:
    URL = "/accounts/password/"
    NEW = "quite-another-password"

    def change(self, client, new=NEW, old=PASSWORD):
        return client.post(self.URL, {"old_password": old, "new_password1": new, "new_password2": new})

    def test_changing_it_keeps_this_session_and_ends_the_others(self, client, user_of):
        from django.test import Client

        user, other = user_of("operator"), Client()
        client.force_login(user)
        other.force_login(user)

        response = self.change(client)

        user.refresh_from_db()
        assert response["Location"] == "/accounts/password/done/"
        assert user.check_password(self.NEW)
        assert client.get(self.URL).status_code == 200
        assert other.get(self.URL).status_code == 302

    @pytest.mark.parametrize("weak", ["short", "123456789012345", "passwordpassword"[:8], "test-operator"])
    def test_a_weak_one_is_refused(self, client, user_of, weak):
        user = user_of("operator")
        client.force_login(user)

        response = self.change(client, weak)

        user.refresh_from_db()
        assert response.status_code == 422
        assert user.check_password(PASSWORD)

    def test_the_old_one_must_be_right(self, client, user_of):
        client.force_login(user_of("operator"))

        assert self.change(client, old="wrong").status_code == 422


class TestDemo:
    @pytest.fixture(autouse=True)
    def _demo_users(self, db):
        for role in ("operator", "supervisor"):
            person(role, printed_name=role.title(), role=role, password=PASSWORD)

    def test_the_start_page_has_a_button_per_role_that_opens_pages(self, client, settings):
        settings.DEMO = True

        page = client.get("/").content.decode()

        assert page.count('name="role"') == 7
        assert 'value="integration"' not in page

    def test_a_button_signs_in(self, client, settings):
        settings.DEMO = True

        client.post("/accounts/demo/", {"role": "supervisor"})

        assert client.session["_auth_user_id"] == str(User.objects.get(username="supervisor").pk)

    def test_a_button_does_not_open_a_locked_account(self, client, settings):
        settings.DEMO = True
        with factories.arranging():
            User.objects.filter(username="supervisor").update(locked_at=timezone.now())

        page = client.post("/accounts/demo/", {"role": "supervisor"}, follow=True).content.decode()

        assert "This account is locked." in page
        assert "_auth_user_id" not in client.session

    def test_a_role_without_a_user_is_explained(self, client, settings):
        settings.DEMO = True

        page = client.post("/accounts/demo/", {"role": "auditor"}, follow=True).content.decode()

        assert "not loaded yet" in page

    @pytest.mark.parametrize("role", ["integration", "test-admin", "", "nobody"])
    def test_only_the_roles_of_the_page_can_be_asked_for(self, client, settings, role):
        settings.DEMO = True

        assert client.post("/accounts/demo/", {"role": role}).status_code == 404

    def test_outside_the_demo_there_is_no_such_page(self, client):
        assert client.post("/accounts/demo/", {"role": "supervisor"}).status_code == 404
        assert client.get("/")["Location"] == LOGIN

    def test_it_cannot_be_reached_by_a_link(self, client, settings):
        settings.DEMO = True

        assert client.get("/accounts/demo/?role=supervisor").status_code == 405


class TestAdminDoor:
    def test_strangers_are_sent_to_the_one_login_page(self, client):
        response = client.get("/admin/production/workorder/", follow=True)

        assert response.redirect_chain[-1][0].startswith(LOGIN)
        assert "next=" in response.redirect_chain[-1][0]

    def test_who_may_not_enter_is_told_why(self, client, user_of):
        client.force_login(user_of("operator"))

        response = client.get("/admin/", follow=True)

        assert response.status_code == 403
        assert "administration is for" in response.content.decode()

    def test_only_the_admin_may_use_inline_scripts(self, client, user_of):
        client.force_login(user_of("auditor"))

        admin, page = client.get("/admin/"), client.get("/accounts/password/")

        assert "'unsafe-inline'" in admin["Content-Security-Policy"]
        assert "unsafe" not in page["Content-Security-Policy"]
