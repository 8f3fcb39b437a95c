"""A series of signatures: begun with name and password, gone on with the password, ended by the server."""

import datetime as dt

import pytest
from django.core import signing as seals
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import passwords
from audit.context import act_as
from audit.errors import SignatureRefused
from audit.models import SecurityEvent, Signature, SigningWindow
from audit.signatures import Signing, Sitting, confirm_identity
from audit.stations import COOKIE
from production.services.signing import sign_work_order_step
from tests import factories
from tests.conftest import PASSWORD
from tests.production.test_races import at_once, refusals
from tests.signing import filled, form_of

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def orders(plant):
    return [factories.work_order(plant, status="planned") for _ in range(3)]


@pytest.fixture
def supervisor(user_of):
    return user_of("supervisor")


@pytest.fixture
def browser(client, supervisor):
    client.force_login(supervisor)
    return client


def page_of(browser, order):
    return browser.get(f"/orders/{order.pk}/release/")


def sign(browser, order, user, **entered):
    page = page_of(browser, order)
    return browser.post(f"/orders/{order.pk}/release/", filled(page, user, **entered))


def moved(**changes) -> SigningWindow:
    window = SigningWindow.objects.get(closed_at=None)
    with factories.arranging():
        SigningWindow.objects.filter(pk=window.pk).update(**changes)
    return window


def ended() -> list[str]:
    return list(SigningWindow.objects.exclude(closed_at=None).values_list("closed_why", flat=True))


def test_the_first_asks_for_both_and_the_next_for_the_password_only(browser, supervisor, orders):
    first_page = page_of(browser, orders[0])
    assert "User name" in first_page.content.decode()
    assert sign(browser, orders[0], supervisor).status_code == 302

    second_page = page_of(browser, orders[1])
    assert "User name" not in second_page.content.decode()
    assert sign(browser, orders[1], supervisor).status_code == 302

    first, second = Signature.objects.order_by("signed_at")
    assert (first.components, first.first_in_window) == (["id", "password"], True)
    assert (second.components, second.first_in_window) == (["password"], False)
    assert first.window == second.window == SigningWindow.objects.get()


@pytest.mark.parametrize("entered", [{"username": ""}, {"password": ""}, {"username": "", "password": ""}])
def test_the_first_with_less_signs_nothing(browser, supervisor, orders, entered):
    answer = sign(browser, orders[0], supervisor, **entered)

    assert answer.status_code == 422
    assert not Signature.objects.exists()


def test_in_a_series_the_name_alone_is_not_enough(browser, supervisor, orders):
    sign(browser, orders[0], supervisor)

    answer = sign(browser, orders[1], supervisor, username=supervisor.username, password="")

    assert answer.status_code == 422
    assert Signature.objects.count() == 1


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_the_name_of_another_counts_and_does_not_tell_which_was_wrong(browser, supervisor, orders, user_of, password):
    other = user_of("qa_manager")

    answer = sign(browser, orders[0], supervisor, username=other.username, password=password)

    said = answer.content.decode()
    event = SecurityEvent.objects.get(kind="signing_failed")
    assert answer.status_code == 422
    assert "User name or password is wrong (attempt 1 of 5)" in said
    assert (event.user, event.name_typed) == (supervisor, other.username)
    assert not Signature.objects.exists()
    assert not SigningWindow.objects.exists()


@pytest.mark.parametrize("spelling", ["TEST-SUPERVISOR", "ｔｅｓｔ-supervisor"])
def test_the_own_name_in_any_spelling(browser, supervisor, orders, spelling):
    assert sign(browser, orders[0], supervisor, username=spelling).status_code == 302


def test_a_wrong_password_in_a_series_counts_and_ends_nothing(browser, supervisor, orders):
    sign(browser, orders[0], supervisor)

    answer = sign(browser, orders[1], supervisor, password="wrong")

    assert "The password is wrong (attempt 1 of 5)" in answer.content.decode()
    assert SigningWindow.objects.get().closed_at is None
    assert not form_of(answer).asks_name
    assert sign(browser, orders[1], supervisor).status_code == 302


class TestEnds:
    @pytest.fixture(autouse=True)
    def _series(self, browser, supervisor, orders):
        sign(browser, orders[0], supervisor)

    def test_idle(self, browser, orders, settings):
        idle = settings.SIGNING_IDLE_MINUTES * MINUTE
        moved(last_used_at=timezone.now() - idle + MINUTE)
        assert not form_of(page_of(browser, orders[1])).asks_name

        moved(last_used_at=timezone.now() - idle)
        assert form_of(page_of(browser, orders[1])).asks_name
        assert ended() == ["idle"]

    def test_use_keeps_it_open_but_not_for_ever(self, browser, supervisor, orders, settings):
        moved(last_used_at=timezone.now() - 9 * MINUTE)
        sign(browser, orders[1], supervisor)
        assert timezone.now() - SigningWindow.objects.get().last_used_at < MINUTE

        age = settings.SIGNING_WINDOW_MINUTES * MINUTE
        moved(opened_at=timezone.now() - age)
        with factories.arranging():
            User.objects.filter(pk=supervisor.pk).update(password_changed_at=timezone.now() - 2 * age)
        assert form_of(page_of(browser, orders[2])).asks_name
        assert ended() == ["age"]

    def test_signing_out(self, browser, supervisor, orders):
        browser.post("/accounts/logout/")
        assert ended() == ["logout"]

        browser.force_login(supervisor)
        assert form_of(page_of(browser, orders[1])).asks_name

    def test_another_user_in_the_same_browser(self, browser, user_of):
        other = user_of("qa_manager")
        browser.post("/accounts/login/", {"username": other.username, "password": PASSWORD})

        assert ended() == ["switch"]

    def test_signing_in_anew(self, browser, supervisor):
        browser.post("/accounts/login/", {"username": supervisor.username, "password": PASSWORD})

        assert ended() == ["login"]

    def test_another_station(self, browser, orders):
        browser.cookies[COOKIE] = seals.dumps("Packing 2", salt="audit.station")

        assert form_of(page_of(browser, orders[1])).asks_name
        assert ended() == ["station"]

    def test_a_lock(self, browser, supervisor, orders):
        for _ in range(5):
            sign(browser, orders[1], supervisor, password="wrong")

        assert ended() == ["lock"]
        assert "locked" in sign(browser, orders[1], supervisor).content.decode()

    def test_another_password(self, supervisor):
        with act_as(supervisor, source="test"):
            passwords.change_own(supervisor, "another-long-password")

        assert ended() == ["password"]

    def test_a_password_older_than_the_window_is_the_one_it_was_opened_with(self, browser, supervisor, orders):
        with factories.arranging():
            User.objects.filter(pk=supervisor.pk).update(password_changed_at=timezone.now())

        assert form_of(page_of(browser, orders[1])).asks_name
        assert ended() == ["password"]


def test_another_session_of_the_same_person_begins_its_own(browser, supervisor, orders):
    sign(browser, orders[0], supervisor)
    elsewhere = Client()
    elsewhere.force_login(supervisor)

    assert form_of(page_of(elsewhere, orders[1])).asks_name


def test_two_tabs_share_the_window(browser, supervisor, orders):
    tab, other_tab = page_of(browser, orders[0]), page_of(browser, orders[1])
    browser.post(f"/orders/{orders[0].pk}/release/", filled(tab, supervisor))

    answer = browser.post(f"/orders/{orders[1].pk}/release/", filled(other_tab, supervisor, username=""))

    assert answer.status_code == 302
    assert SigningWindow.objects.count() == 1


def test_a_foreign_name_typed_into_an_older_tab_still_counts(browser, supervisor, orders, user_of):
    tab, other_tab = page_of(browser, orders[0]), page_of(browser, orders[1])
    browser.post(f"/orders/{orders[0].pk}/release/", filled(tab, supervisor))

    other = user_of("qa_manager").username
    answer = browser.post(f"/orders/{orders[1].pk}/release/", filled(other_tab, supervisor, username=other))

    assert answer.status_code == 422
    assert SecurityEvent.objects.filter(kind="signing_failed").count() == 1


def test_a_refused_signature_opens_no_window(browser, supervisor, orders):
    sign(browser, orders[0], supervisor, meaning="performed")

    assert not Signature.objects.exists()
    assert not SigningWindow.objects.exists()


def test_what_names_the_window_enters_no_session(browser, supervisor, orders):
    sign(browser, orders[0], supervisor)

    window = SigningWindow.objects.get()
    assert len(window.session_hash) == 64
    assert browser.session.session_key not in window.session_hash


def test_without_a_session_everything_is_presented_each_time(orders, supervisor):
    with act_as(supervisor, source="api"):
        with pytest.raises(SignatureRefused, match="user name as well"):
            confirm_identity(user=supervisor, password=PASSWORD)
        identity = confirm_identity(user=supervisor, username=supervisor.username, password=PASSWORD)

    assert (identity.components, identity.sitting) == (("id", "password"), None)
    assert not SecurityEvent.objects.filter(kind="signing_failed").exists()


def test_the_window_is_not_for_whoever_knows_its_hash(orders, supervisor, user_of, browser):
    sign(browser, orders[0], supervisor)
    window, other = SigningWindow.objects.get(), user_of("qa_manager")

    with act_as(other, source="test"), pytest.raises(SignatureRefused, match="user name as well"):
        confirm_identity(user=other, password=PASSWORD, sitting=Sitting(window.session_hash, window.station))


class TestTypedEachTime:
    def test_the_names_of_the_secrets_are_others_each_time(self, browser, orders):
        first, second = form_of(page_of(browser, orders[0])), form_of(page_of(browser, orders[0]))

        assert set(first.names.values()) & set(second.names.values()) == set()
        text = page_of(browser, orders[0]).content.decode()
        assert 'name="password"' not in text
        assert 'autocomplete="off"' in text.split('type="password"')[1][:200]

    def test_after_a_refusal_they_are_others_again_and_empty(self, browser, supervisor, orders):
        answer = sign(browser, orders[0], supervisor, password="wrong-password", comment="kept")

        text = answer.content.decode()
        assert "wrong-password" not in text
        assert "kept" in text
        assert browser.post(f"/orders/{orders[0].pk}/release/", filled(answer, supervisor)).status_code == 302

    @pytest.mark.parametrize("names", ["", "forged", None])
    def test_names_that_were_not_drawn_are_not_read(self, browser, supervisor, orders, names):
        page = page_of(browser, orders[0])
        data = filled(page, supervisor) | {"password": PASSWORD, "username": supervisor.username}
        data["names"] = form_of(page).sealed_names[:-2] if names is None else names

        answer = browser.post(f"/orders/{orders[0].pk}/release/", data)

        assert "too old or not yours" in answer.content.decode()
        assert not Signature.objects.exists()

    def test_nor_those_drawn_for_somebody_else(self, browser, supervisor, orders, user_of):
        other = Client()
        other.force_login(user_of("qa_manager"))
        page = page_of(other, orders[0])

        answer = browser.post(f"/orders/{orders[0].pk}/release/", filled(page, supervisor))

        assert "too old or not yours" in answer.content.decode()

    @pytest.mark.parametrize(
        ("secrets", "label", "code"),
        [
            (("password",), "Password", False),
            (("pin",), "Signing PIN", False),
            (("password", "totp"), "Password", True),
        ],
    )
    def test_the_form_asks_for_what_the_account_signs_with(self, browser, orders, monkeypatch, secrets, label, code):
        monkeypatch.setattr("accounts.models.User.signs_with", lambda _user: secrets)

        form = form_of(page_of(browser, orders[0]))

        assert (str(form.fields["password"].label), "code" in form.fields) == (label, code)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_open_the_series_at_once_open_one(plant, user_of):
    """Each presented everything; of two windows the database lets one be."""
    user, sitting = user_of("supervisor"), Sitting("a" * 64, "")
    orders = [factories.work_order(plant, status="planned") for _ in range(2)]
    with act_as(user, source="test"):
        identity = confirm_identity(user=user, username=user.username, password=PASSWORD, sitting=sitting)

    def sign_one(order):
        signing = Signing(identity=identity, meaning="released")
        return sign_work_order_step(work_order_id=order.pk, step="release", signing=signing)

    results = at_once(user, *[lambda order=order: sign_one(order) for order in orders])

    assert refusals(results) == []
    assert SigningWindow.objects.count() == 1
    assert sorted(row.first_in_window for row in Signature.objects.all()) == [False, True]
