"""There is no impersonation: a session is opened by its owner's password or provider, and signs only with that."""

import ast
import logging
import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from accounts.models import User
from audit.context import act_as
from audit.errors import SignatureRefused
from audit.signatures import confirm_identity
from mfg_project.demo.people import PASSWORD, make_people
from tests import factories
from tests.conftest import PASSWORD as TEST_PASSWORD
from tests.test_routes import addresses, keys  # noqa: F401 a fixture

pytestmark = pytest.mark.django_db

ROOT = Path(django_settings.BASE_DIR)
OUR_APPS = ("accounts", "audit", "equipment", "telemetry", "inventory", "production", "quality", "mfg_project")
OPENS_A_SESSION = {"login", "alogin", "force_login", "aforce_login"}
# The three places that do, each after a proof of its own; Django's LoginView is the fourth.
KNOWN = {
    ("accounts/second_step.py", "code"),  # password, then code
    ("accounts/provider_views.py", "_signed_in"),  # the provider's word
    ("accounts/views.py", "demo_login"),  # in a toy plant only
}


def test_only_known_places_open_a_session():
    found = set()
    for app in OUR_APPS:
        for file in (ROOT / app).rglob("*.py"):
            for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _opens(function):
                    found.add((str(file.relative_to(ROOT)), function.name))

    assert found == KNOWN


def _opens(function):
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in OPENS_A_SESSION:
            return True
        if isinstance(node, ast.Constant) and node.value == "_auth_user_id":
            return True
    return False


def test_no_address_about_accounts_makes_an_administrator_somebody_else(client, keys, as_admin, user_of):  # noqa: F811
    logging.disable(logging.WARNING)
    victim = user_of("supervisor")
    names = ("user", "username", "user_id", "role", "as", "su", "impersonate", "next")
    sent = dict.fromkeys(names, str(victim.pk)) | {"username": victim.username, "role": "supervisor"}
    client.force_login(as_admin)
    became = {}
    for address in filter(re.compile("/(admin/)?accounts/").match, addresses(keys, skip={"/accounts/logout/"})):
        for method in (client.get, client.post):
            method(address, sent)
            who = client.session.get("_auth_user_id")
            if who != str(as_admin.pk):
                became[address] = who
                client.force_login(as_admin)
    logging.disable(logging.NOTSET)

    assert became == {}


def test_the_demos_buttons_are_not_there_outside_a_demo(client, user_of):
    with factories.arranging():
        User.objects.filter(pk=user_of("supervisor").pk).update(username="supervisor")

    assert client.post("/accounts/demo/", {"role": "supervisor"}).status_code == 404
    assert "_auth_user_id" not in client.session


def test_a_session_of_the_demos_buttons_signs_only_with_the_password(client, settings):
    make_people()
    settings.DEMO = True
    client.post("/accounts/demo/", {"role": "supervisor"})
    user = User.objects.get(pk=client.session["_auth_user_id"])

    with act_as(user, source="test"):
        for wrong in ("", TEST_PASSWORD):
            with pytest.raises(SignatureRefused, match="password is wrong"):
                confirm_identity(user=user, username=user.get_username(), password=wrong)
        assert confirm_identity(user=user, username=user.get_username(), password=PASSWORD).components == (
            "id",
            "password",
        )


def test_nobody_signs_in_anothers_session_with_the_own_password(user_of):
    """The administrator's own password, at the desk of somebody else."""
    user, other = user_of("supervisor"), user_of("qa_manager")
    other.set_password("of-the-manager-only")
    with factories.arranging():
        other.save()
    with act_as(user, source="test"), pytest.raises(SignatureRefused):
        confirm_identity(user=user, username=user.get_username(), password="of-the-manager-only")
