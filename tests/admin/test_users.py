"""Accounts in the admin: made with roles, deactivated, never deleted; only administrators change them."""

import pytest
from django.urls import reverse

from accounts.models import User
from accounts.services.passwords import set_password
from accounts.services.users import create_user, update_user
from audit.errors import Conflict, InvalidInput, MissingPermission
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

ADD = "/admin/accounts/user/add/"
NO_LINES = {"line_assignments-TOTAL_FORMS": "0", "line_assignments-INITIAL_FORMS": "0"}
NEW = {"username": "Tanaka", "printed_name": "Tanaka Yui", "email": "", "is_person": "on", "roles": ["qa_manager"]}


def change(user):
    return reverse("admin:accounts_user_change", args=[user.pk])


@pytest.fixture
def root(client, as_admin):
    client.force_login(as_admin)
    return client


def edit(user, **changed):
    roles = [role.name for role in user.roles()]
    plain = {"printed_name": user.printed_name, "is_person": "on", "is_active": "on", "roles": roles}
    return plain | NO_LINES | {"change_reason": "Works elsewhere now"} | changed


def test_a_person_with_a_role_can_sign_in_and_enter_the_admin(root):
    root.post(ADD, NEW | {"password": "quite-a-long-secret"})

    user = User.objects.get(username="Tanaka")
    assert [role.name for role in user.roles()] == ["qa_manager"]
    assert user.is_staff
    assert not user.is_superuser
    assert user.check_password("quite-a-long-secret")


def test_without_a_password_nobody_signs_in(root):
    root.post(ADD, NEW | {"roles": ["integration"]})

    user = User.objects.get(username="Tanaka")
    assert not user.has_usable_password()
    assert not user.is_staff


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"username": "TEST-admin"}, "This user name is taken."),
        ({"username": "a b"}, "Enter a valid username"),
        ({"password": "short"}, "too short"),
        ({"password": "Tanaka Yui"}, "too similar"),
        ({"roles": ["king"]}, "not one of the available choices"),
        ({"printed_name": ""}, "This field is required."),
    ],
)
def test_a_refused_account_is_explained_in_the_form(root, entered, said):
    before = User.objects.count()

    response = root.post(ADD, NEW | entered)

    assert response.status_code == 200
    assert said in response.content.decode()
    assert User.objects.count() == before


def test_roles_change_what_a_person_may_open(root, user_of):
    user = user_of("inspector")

    root.post(change(user), edit(user, roles=["operator"]))

    user.refresh_from_db()
    assert [role.name for role in user.roles()] == ["operator"]
    assert not user.is_staff


@pytest.mark.parametrize("reason", ["", ".", "n/a"])
def test_an_account_changes_only_with_a_reason_in_words(root, user_of, reason):
    user = user_of("inspector")
    opened = root.get(change(user)).content.decode()

    answer = root.post(change(user), edit(user, roles=["operator"], printed_name="Other", change_reason=reason))

    user.refresh_from_db()
    assert 'name="change_reason"' in opened
    assert 'name="change_reason"' not in root.get(ADD).content.decode()
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["change_reason"]
    assert ([role.name for role in user.roles()], user.printed_name) == (["inspector"], "Test inspector")


def test_deactivating_ends_the_session(root, user_of):
    from django.test import Client

    user, other = user_of("operator"), Client()
    other.force_login(user)

    root.post(change(user), edit(user, is_active=""))

    assert other.get("/accounts/password/").status_code == 302


def test_nobody_deactivates_the_own_account(root, as_admin):
    response = root.post(change(as_admin), edit(as_admin, is_active="", is_superuser="on"))

    as_admin.refresh_from_db()
    assert "cannot deactivate your own account" in response.content.decode()
    assert as_admin.is_active


def test_the_last_administrator_stays_one(root, as_admin):
    response = root.post(change(as_admin), edit(as_admin))

    as_admin.refresh_from_db()
    assert "last administrator" in response.content.decode()
    assert as_admin.is_superuser


def test_a_new_password_ends_open_sessions(root, user_of):
    from django.test import Client

    user, other = user_of("operator"), Client()
    other.force_login(user)
    url = reverse("admin:accounts_user_new_password", args=[user.pk])

    weak = root.post(url, {"password": "short", "again": "short"})
    differ = root.post(url, {"password": "quite-a-long-secret", "again": "another-long-secret"})
    done = root.post(url, {"password": "quite-a-long-secret", "again": "quite-a-long-secret"})

    user.refresh_from_db()
    assert (weak.status_code, differ.status_code, done.status_code) == (422, 422, 302)
    assert user.check_password("quite-a-long-secret")
    assert other.get("/accounts/password/").status_code == 302


def test_the_hash_of_a_password_is_nowhere_on_the_page(root, user_of):
    user = user_of("operator")

    assert user.password not in root.get(change(user)).content.decode()


@pytest.mark.parametrize("role", ["qa_manager", "planner", "inspector"])
def test_other_roles_change_no_account(client, user_of, role):
    user = user_of("operator")
    client.force_login(user_of(role))

    assert client.get(ADD).status_code == 403
    assert client.post(change(user), edit(user, printed_name="X")).status_code == 403


class TestService:
    """Rules that hold for a helper with the permission who is no administrator."""

    @pytest.fixture
    def helper(self, db, user_of):
        from django.contrib.auth.models import Permission

        helper = user_of("planner")
        with factories.arranging():
            helper.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
        return User.objects.get(pk=helper.pk)

    @pytest.fixture(autouse=True)
    def _acting(self, helper):
        from audit.context import act_as

        with act_as(helper, source="test"):
            yield

    def test_a_helper_names_no_administrator(self):
        user = create_user(username="new", printed_name="New", roles=["operator"])

        with pytest.raises(InvalidInput):
            update_user(user_id=user.pk, is_superuser=True)
        with pytest.raises(InvalidInput):
            create_user(username="other", printed_name="Other", roles=[], is_superuser=True)

    def test_a_helper_touches_no_administrator(self):
        root = factories.superuser(password=PASSWORD)

        with pytest.raises(InvalidInput):
            set_password(user_id=root.pk, password="quite-a-long-secret")
        with pytest.raises(InvalidInput):
            update_user(user_id=root.pk, is_active=False)

    def test_a_name_in_another_case_is_taken(self):
        create_user(username="suzuki", printed_name="Suzuki", roles=[])

        with pytest.raises(Conflict):
            create_user(username="SUZUKI", printed_name="Suzuki", roles=[])

    @pytest.mark.parametrize("values", [{"roles": ["king"]}, {"roles": [], "is_staff": True}])
    def test_unknown_values_are_refused(self, values):
        with pytest.raises(InvalidInput):
            create_user(**{"username": "new", "printed_name": "New"} | values)


@pytest.mark.parametrize(
    "act",
    [
        lambda user: create_user(username="x", printed_name="X", roles=[]),
        lambda user: update_user(user_id=user.pk, printed_name="X"),
        lambda user: set_password(user_id=user.pk, password="quite-a-long-secret"),
    ],
)
def test_the_services_ask_for_the_permission(as_role, act):
    with as_role("supervisor") as user, pytest.raises(MissingPermission):
        act(user)
