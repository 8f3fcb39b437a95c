"""Single sign-on against a provider that runs: who comes in, what is not believed, and how one signs with it."""

import hashlib
import hmac
import html
import re
import threading
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.current_session import session_of
from accounts.models import ProviderConfirmation, User
from accounts.services import confirmations
from accounts.services.users import create_user, update_user
from audit.context import act_as
from audit.errors import InvalidInput, SignatureRefused
from audit.models import SecurityEvent, Signature
from audit.signatures import confirm_identity
from production.services.work_orders import release_work_order, update_work_order
from tests import factories
from tests.identity_provider import CLIENT, SECRET, Provider, ago, b64, part, running_provider, sign
from tests.signing import filled, form_of

pytestmark = pytest.mark.django_db

WHY = "Works with single sign-on now"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args):
        return None


BROWSER = urllib.request.build_opener(NoRedirect)


@pytest.fixture(scope="module")
def running():
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running, settings) -> Provider:
    running.__init__(running.url)
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = running.url, CLIENT, SECRET
    settings.OIDC_NAME = "Entra"
    return running


@pytest.fixture
def sato(provider, as_admin) -> User:
    """Set to the provider by an administrator; nobody has come yet."""
    user = create_user(username="sato", printed_name="Sato", roles=["supervisor"], uses_provider=True)
    factories.qualify(user)
    return user


def there_and_back(client, start):
    """What the browser does: to the provider, which sends it back."""
    away = client.get(start)
    try:
        BROWSER.open(away["Location"])
    except urllib.error.HTTPError as redirected:
        back = urlsplit(redirected.headers["Location"])
    return client.get(f"{back.path}?{back.query}")


def sign_in(client):
    there_and_back(client, "/accounts/provider/?next=/orders/")
    return client.session.get("_auth_user_id")


def events(user=None):
    return list(SecurityEvent.objects.filter(user=user).order_by("id").values_list("kind", flat=True))


class TestSignIn:
    def test_off_unless_configured(self, client):
        assert client.get("/accounts/provider/").status_code == 404
        assert client.get("/accounts/provider/callback/?code=x&state=y").status_code == 404
        assert "accounts/provider" not in client.get("/accounts/login/").content.decode()

    def test_the_first_time_links_the_account_of_that_name(self, client, sato, provider):
        page = client.get("/accounts/login/?next=/orders/").content.decode()
        answer = there_and_back(client, "/accounts/provider/?next=/orders/")

        sato.refresh_from_db()
        assert "/accounts/provider/?next=/orders/" in page
        assert "Sign in with Entra" in page
        assert answer["Location"] == "/orders/"
        assert client.session["_auth_user_id"] == str(sato.pk)
        assert sato.provider_subject == f"{provider.url} 4711"
        assert events(sato) == ["provider_linked", "signed_in"]
        assert client.get("/orders/").status_code == 200

    def test_from_then_on_the_subject_decides_not_the_name(self, client, sato, provider):
        sign_in(Client())
        provider.person = {"sub": "4711", "preferred_username": "married-name"}

        assert sign_in(client) == str(sato.pk)

    def test_another_subject_of_that_name_is_nobody(self, client, sato, provider):
        sign_in(Client())
        provider.person = {"sub": "4712", "preferred_username": "sato"}

        assert sign_in(client) is None

    def test_the_same_subject_of_another_provider_is_nobody(self, client, sato, provider):
        sign_in(Client())
        with factories.arranging():
            User.objects.filter(pk=sato.pk).update(provider_subject="https://old.example 4711")

        assert sign_in(client) is None

    @pytest.mark.parametrize(("verified", "comes_in"), [(True, True), (False, False), (None, False), ("true", False)])
    def test_an_email_links_only_when_verified(self, client, sato, provider, verified, comes_in):
        with factories.arranging():
            User.objects.filter(pk=sato.pk).update(email="Sato@example.com")
        provider.person = {"sub": "1", "email": "sato@example.com", "email_verified": verified}

        assert bool(sign_in(client)) is comes_in

    def test_there_is_no_sign_up_and_no_taking_over_of_an_account_with_a_password(self, client, provider, as_admin):
        create_user(username="sato", printed_name="Sato", roles=["supervisor"], password="a-password-of-ones-own")
        before = User.objects.count()

        assert sign_in(client) is None
        assert User.objects.count() == before
        assert (events()[-1], SecurityEvent.objects.last().name_typed) == ("name_unknown", "sato")
        assert "no account here is set to it" in client.get("/accounts/login/").content.decode()

    def test_a_program_gets_no_page(self, client, sato, provider):
        with factories.arranging():
            User.objects.filter(pk=sato.pk).update(is_person=False)

        assert sign_in(client) is None

    @pytest.mark.parametrize("shut", [{"is_active": False}, {"locked_at": timezone.now()}])
    def test_deactivated_and_locked_ones_stay_outside(self, client, sato, provider, shut):
        sign_in(Client())
        with factories.arranging():
            User.objects.filter(pk=sato.pk).update(**shut)

        assert sign_in(client) is None
        assert events(sato)[-1] == "sign_in_refused"

    def test_it_has_no_password_and_gets_none(self, client, sato, provider, as_admin):
        from accounts.services import passwords

        for give in (
            lambda: passwords.set_password(user_id=sato.pk, password="known-to-two-people"),
            lambda: passwords.send_link(user_id=sato.pk),
            lambda: create_user(username="x", printed_name="X", roles=[], uses_provider=True, password="long-password"),
        ):
            with pytest.raises(InvalidInput, match="signs in at the provider"):
                give()
        assert authenticate(username="sato", password="") is None

    def test_what_opened_the_other_door_opens_nothing_any_more(self, client, provider, user_of, as_admin):
        user = user_of("operator")
        client.force_login(user)

        update_user(user_id=user.pk, uses_provider=True, reason=WHY)
        assert client.get("/board/").status_code == 302
        assert authenticate(username=user.username, password="a-long-test-password") is None

        with factories.arranging():
            User.objects.filter(pk=user.pk).update(provider_subject="x 1", signing_pin="hash")
        update_user(user_id=user.pk, uses_provider=False, reason=WHY)
        user.refresh_from_db()
        assert (user.provider_subject, user.signing_pin, user.has_usable_password()) == ("", "", False)

    def test_no_account_is_set_to_a_provider_that_is_not_there(self, user_of, as_admin):
        with pytest.raises(InvalidInput, match="OIDC_ISSUER"):
            update_user(user_id=user_of("operator").pk, uses_provider=True, reason=WHY)

    def test_it_leads_to_no_other_host(self, client, sato, provider):
        assert there_and_back(client, "/accounts/provider/?next=https://evil.example/")["Location"] == "/"


def no_algorithm(claims):
    return f"{part({'alg': 'none'})}.{part(claims)}."


def signed_with_the_client_secret(claims):
    signed = f"{part({'alg': 'HS256'})}.{part(claims)}"
    return f"{signed}.{b64(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest())}"


def signed_by_somebody_else(claims):
    return sign(claims, rsa.generate_private_key(public_exponent=65537, key_size=2048))


def changed_after_signing(provider):
    def encode(claims):
        head, _body, tail = sign(claims, provider.key).split(".")
        return f"{head}.{part(claims | {'preferred_username': 'sato2'})}.{tail}"

    return encode


class TestWhatIsNotBelieved:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"aud": "another-client"},
            {"aud": [CLIENT, "another-client"]},  # without azp
            {"aud": None},
            {"iss": "https://evil.example"},
            {"iss": None},
            {"exp": int(ago(minutes=1))},
            {"exp": None},
            {"iat": None},
            {"sub": None},
            {"sub": ""},
        ],
        ids=lambda wrong: next(iter(wrong)),
    )
    def test_claims(self, client, sato, provider, wrong):
        provider.wrong = wrong

        assert sign_in(client) is None
        assert "is not valid" in client.get("/accounts/login/").content.decode()

    @pytest.mark.parametrize("encode", [no_algorithm, signed_with_the_client_secret, signed_by_somebody_else])
    def test_signatures(self, client, sato, provider, encode):
        provider.encode = encode

        assert sign_in(client) is None

    def test_a_changed_token(self, client, sato, provider):
        provider.encode = changed_after_signing(provider)

        assert sign_in(client) is None

    def test_metadata_of_another_issuer(self, client, sato, provider):
        provider.says_issuer = "https://evil.example"

        assert client.get("/accounts/provider/")["Location"] == "/accounts/login/"

    def test_an_answer_nobody_asked_for(self, client, sato, provider):
        assert client.get("/accounts/provider/callback/?code=x&state=y")["Location"] == "/accounts/login/"

    def test_an_answer_to_another_browser(self, client, sato, provider):
        """State and the session belong together: a link with somebody else's code signs nobody in."""
        away = Client().get("/accounts/provider/")
        client.get("/accounts/provider/")
        try:
            BROWSER.open(away["Location"])
        except urllib.error.HTTPError as redirected:
            back = urlsplit(redirected.headers["Location"])

        client.get(f"{back.path}?{back.query}")

        assert "_auth_user_id" not in client.session

    def test_an_answer_a_second_time(self, client, sato, provider):
        away = client.get("/accounts/provider/")
        try:
            BROWSER.open(away["Location"])
        except urllib.error.HTTPError as redirected:
            back = urlsplit(redirected.headers["Location"])
        client.get(f"{back.path}?{back.query}")
        client.post("/accounts/logout/")

        client.get(f"{back.path}?{back.query}")

        assert "_auth_user_id" not in client.session

    def test_a_code_without_the_verifier_of_this_session(self, client, sato, provider):
        client.get("/accounts/provider/")
        session = client.session
        remembered = session["provider"]
        away = provider.authorize(
            {
                "state": remembered["state"],
                "redirect_uri": remembered["redirect_uri"],
                "nonce": remembered["nonce"],
                "code_challenge": b64(hashlib.sha256(b"of somebody else").digest()),
            }
        )

        client.get(away.replace("http://testserver", ""))

        assert "_auth_user_id" not in client.session

    def test_a_refusal(self, client, sato, provider):
        provider.error = "access_denied"

        assert sign_in(client) is None

    def test_silence(self, client, sato, settings):
        settings.OIDC_ISSUER = "http://127.0.0.1:9"

        assert client.get("/accounts/provider/")["Location"] == "/accounts/login/"
        assert "does not answer" in client.get("/accounts/login/").content.decode()


CONFIRM = "/accounts/provider/confirm/?next=/orders/"


class TestSigning:
    @pytest.fixture
    def signer(self, client, sato, provider):
        sign_in(client)
        return User.objects.get(pk=sato.pk)

    def try_to_sign(self, client, user, password=""):
        with session_of(client.session.session_key), act_as(user, source="test"):
            return confirm_identity(user=user, username=user.get_username(), password=password)

    def test_a_fresh_sign_in_signs_once(self, client, signer, provider):
        assert signer.signs_with() == ("provider",)

        answer = there_and_back(client, CONFIRM)
        identity = self.try_to_sign(client, signer)

        assert answer["Location"] == "/orders/"
        assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")
        assert identity.components == ("id", "provider")
        with pytest.raises(SignatureRefused, match="Confirm at Entra"):
            self.try_to_sign(client, signer)
        assert events(signer)[-1] == "signing_refused"

    def test_the_session_alone_signs_nothing(self, client, signer):
        with pytest.raises(SignatureRefused, match="Confirm at Entra"):
            self.try_to_sign(client, signer, password="anything")

    def test_an_old_sign_in_there_is_refused_and_noted(self, client, signer, provider):
        provider.authenticated_at = ago(minutes=10)

        there_and_back(client, CONFIRM)

        event = SecurityEvent.objects.filter(user=signer).last()
        assert (event.kind, "did not ask you again" in event.detail) == ("signing_refused", True)
        with pytest.raises(SignatureRefused):
            self.try_to_sign(client, signer)

    @pytest.mark.parametrize("wrong", [{"auth_time": None}, {"auth_time": int(ago(hours=-1))}], ids=["none", "future"])
    def test_nor_one_without_a_time_or_from_the_future(self, client, signer, provider, wrong):
        provider.wrong = wrong
        there_and_back(client, CONFIRM)

        assert not ProviderConfirmation.objects.exists()

    def test_somebody_else_there_is_refused_and_noted(self, client, signer, provider):
        provider.person = {"sub": "other", "preferred_username": "suzuki"}

        there_and_back(client, CONFIRM)

        event = SecurityEvent.objects.filter(user=signer).last()
        assert (event.kind, "somebody else" in event.detail) == ("signing_refused", True)
        assert not ProviderConfirmation.objects.exists()

    @pytest.mark.parametrize(
        "wrong", [{"nonce": "another"}, {"aud": "another"}, {"exp": int(ago(minutes=1))}], ids=["nonce", "aud", "exp"]
    )
    def test_an_answer_that_proves_nothing_is_noted(self, client, signer, provider, wrong):
        provider.wrong = wrong
        there_and_back(client, CONFIRM)

        assert events(signer)[-1] == "signing_refused"
        assert not ProviderConfirmation.objects.exists()

    def test_it_holds_in_its_session_only(self, client, signer):
        there_and_back(client, CONFIRM)

        other = Client()
        other.force_login(signer)
        with pytest.raises(SignatureRefused):
            self.try_to_sign(other, signer)
        with act_as(signer, source="test"), pytest.raises(SignatureRefused):  # a program's token has no session
            confirm_identity(user=signer, username=signer.get_username(), password="")

    def test_it_holds_a_minute(self, client, signer):
        there_and_back(client, CONFIRM)
        with factories.arranging():
            ProviderConfirmation.objects.update(made_at=timezone.now() - confirmations.LASTS)

        with pytest.raises(SignatureRefused):
            self.try_to_sign(client, signer)

    def test_a_locked_account_does_not_sign_with_it(self, client, signer):
        there_and_back(client, CONFIRM)
        with factories.arranging():
            User.objects.filter(pk=signer.pk).update(locked_at=timezone.now())

        with session_of(client.session.session_key), pytest.raises(SignatureRefused):
            authenticate(username="sato", password="", signing=True)
        assert ProviderConfirmation.objects.get().used_at is None

    def test_who_has_a_password_confirms_nothing_there(self, client, provider, user_of):
        client.force_login(user_of("supervisor"))

        assert client.get(CONFIRM).status_code == 404

    def test_the_confirmation_is_in_the_journal_and_the_sessions_key_is_not(self, client, signer):
        there_and_back(client, CONFIRM)

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT new ->> 'user_id', reason_code FROM journal_entry"
                " WHERE table_name = 'accounts_providerconfirmation'"
            )
            assert cursor.fetchall() == [(str(signer.pk), "confirm_at_provider")]
            cursor.execute(
                "SELECT count(*) FROM journal_entry e WHERE to_jsonb(e)::text LIKE %s",
                [f"%{client.session.session_key}%"],
            )
            assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_of_two_signatures_at_once_one_gets_the_confirmation(settings):
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    user = factories.user("supervisor", password="x")
    with factories.arranging():
        user.set_unusable_password()
        user.uses_provider = True
        user.save()
    with session_of("session"), act_as(user, source="test"):
        confirmations.give(user, authenticated_at=timezone.now())
    got, ready = [], threading.Barrier(2)

    def one():
        try:
            with session_of("session"):
                ready.wait(10)
                got.append(authenticate(username=user.username, password="", signing=True))
        except SignatureRefused:
            got.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(map(bool, got)) == [False, True]


class TestTheSigningPage:
    """Nothing is typed but the name: the page leads to the provider, comes back and signs once."""

    @pytest.fixture
    def order(self, plant):
        return factories.work_order(plant, status="planned")

    def test_it_leads_there_and_signs_after_it(self, client, sato, provider, order):
        sign_in(client)
        address = f"/orders/{order.pk}/release/"

        before = client.get(address)
        refused = client.post(address, filled(before, sato))
        there_and_back(client, f"/accounts/provider/confirm/?next={address}")
        after = client.get(address)
        signed = client.post(address, filled(after, sato))

        assert f"/accounts/provider/confirm/?next=%2Forders%2F{order.pk}%2Frelease%2F" in before.content.decode()
        assert 'type="password"' not in before.content.decode()
        assert "Confirm at Entra" in refused.content.decode()
        assert "sign within a minute" in after.content.decode()
        assert signed.status_code == 302
        assert Signature.objects.get().components == ["id", "provider"]

    def test_within_a_series_the_name_is_left_out_and_the_provider_is_not(self, client, sato, provider, plant):
        sign_in(client)
        for named in (True, False):
            address = f"/orders/{factories.work_order(plant, status='planned').pk}/release/"
            there_and_back(client, f"/accounts/provider/confirm/?next={address}")
            page = client.get(address)
            assert form_of(page).asks_name is named
            assert client.post(address, filled(page, sato)).status_code == 302

        assert [s.components for s in Signature.objects.order_by("signed_at")] == [["id", "provider"], ["provider"]]

    def test_a_batch_that_leads_there_comes_back_as_it_was_chosen(self, client, sato, provider, plant):
        orders, batch = self.three_chosen(client, plant)
        refused = client.post("/signatures/batch/", batch(sato, comment="First of the month"))

        back = there_and_back(client, self.link_on(refused))
        page = client.get(back["Location"])
        signed = client.post("/signatures/batch/", batch(sato, page))

        assert refused.status_code == 422
        assert [record.checked for record in page.context["records"]] == [True, True, False]
        assert "First of the month" in page.content.decode()
        assert signed.status_code == 302
        assert {s.record_pk for s in Signature.objects.all()} == {str(order.pk) for order in orders[:2]}

    def test_and_what_changed_meanwhile_has_to_be_read_and_chosen_anew(self, client, sato, provider, plant):
        orders, batch = self.three_chosen(client, plant)
        refused = client.post("/signatures/batch/", batch(sato))
        update_work_order(work_order_id=orders[0].pk, planned_quantity=77, reason=WHY)
        with act_as(factories.user("supervisor"), source="test"):
            release_work_order(work_order_id=orders[1].pk, signing=factories.signing())

        page = client.get(there_and_back(client, self.link_on(refused))["Location"])

        text = page.content.decode()
        assert [(record.key, record.checked) for record in page.context["records"]] == [
            (str(orders[0].pk), False),
            (str(orders[2].pk), False),
        ]
        assert text.count("The content changed since you chose it") == 1
        assert f"{orders[1].work_order_number} was not signed" in text

    def test_a_choice_belongs_to_its_session(self, client, sato, provider, plant):
        _orders, batch = self.three_chosen(client, plant)
        link = self.link_on(client.post("/signatures/batch/", batch(sato)))
        kept = parse_qs(urlsplit(link).query)["next"][0]
        other = Client()
        other.force_login(factories.user("supervisor"))

        assert kept.startswith("/signatures/batch/?kept=")
        assert other.get(kept)["Location"] == "/signatures/"
        assert client.get(kept).status_code == 200

    def three_chosen(self, client, plant):
        """Three orders on the page, the last of them unchecked; and what is posted from a page of them."""
        orders = [factories.work_order(plant, status="planned") for _ in range(3)]
        sign_in(client)
        first = client.get("/signatures/batch/", {"step": "release", "record": [str(order.pk) for order in orders]})

        def batch(user, page=None, **entered):
            shown = first if page is None else page
            data = filled(shown, user, **entered) | {"step": "release"}
            records = shown.context["records"]
            chosen = records[:2] if page is None else [record for record in records if record.checked]
            data["record"] = [record.key for record in records]
            return data | {f"sign_{record.key}": f"{record.digest}.{record.number}" for record in chosen}

        return orders, batch

    def link_on(self, page):
        return html.unescape(re.search(r'href="(/accounts/provider/confirm/[^"]+)"', page.content.decode())[1])

    @pytest.mark.parametrize(
        "address", ["/signatures/batch/?step=release&record={0}", "/admin/production/workorder/{0}/release/"]
    )
    def test_several_together_and_in_the_administration(self, client, provider, order, as_admin, address):
        manager = create_user(username="manager", printed_name="Manager", roles=["qa_manager"], uses_provider=True)
        factories.qualify(manager)
        provider.person = {"sub": "9", "preferred_username": "manager"}
        sign_in(client)
        address = address.format(order.pk)
        link = re.search(r'href="(/accounts/provider/confirm/[^"]+)"', client.get(address).content.decode())[1]

        back = there_and_back(client, link)

        assert back["Location"] == address
        assert "/accounts/provider/confirm/" not in client.get(address).content.decode()
