"""OpenID Connect: what is asked of the provider, and what its answer has to show before it is believed.

Authorization code flow with PKCE, state and nonce. Signed by a key the provider publishes, with an asymmetric
algorithm only: `none`, and HMAC with what a client also knows, prove nothing. Knows no account (that is
accounts/services/provider_sign_in.py). Metadata and keys are fetched anew for each sign-in: there are few, and a key
that the provider has withdrawn is believed no longer.
"""

import datetime as dt
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from audit.errors import DomainError

log = structlog.get_logger(__name__)

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
TIMEOUT = 5  # seconds the provider may take for one answer
CLOCKS_DIFFER = 30  # seconds between the provider's clock and ours
JUST_BEFORE = 5  # seconds: when the person was asked, the provider's clock against ours, in whole seconds
MEMORY_LASTS = 600  # seconds a person may take at the provider


class ProviderRefused(DomainError):
    """The provider said no, or something that proves nothing."""

    code = "provider_refused"


class ProviderDown(DomainError):
    code = "provider_down"


@dataclass(frozen=True, slots=True)
class Claims:
    identity: str  # issuer and subject: what an account is linked to
    username: str
    email: str  # "" unless the provider has verified it
    auth_time: dt.datetime

    def authenticated_after(self, asked_at: dt.datetime) -> bool:
        latest = timezone.now() + dt.timedelta(seconds=CLOCKS_DIFFER)
        return asked_at - dt.timedelta(seconds=JUST_BEFORE) <= self.auth_time <= latest


def is_configured() -> bool:
    return bool(settings.OIDC_ISSUER)


def begin(*, redirect_uri: str, anew: bool) -> tuple[str, dict[str, Any]]:
    """Where to send the person, and what the session has to remember until the answer comes.

    `anew`: the provider asks again who it is, whoever is signed in there.
    """
    memory = {
        "nonce": secrets.token_urlsafe(32),
        "verifier": secrets.token_urlsafe(48),
        "redirect_uri": redirect_uri,
        "at": int(time.time()),
    }
    with _session(memory) as session:
        asked: dict[str, Any] = {"prompt": "login", "max_age": 0} if anew else {}
        url, memory["state"] = session.create_authorization_url(
            _metadata()["authorization_endpoint"], nonce=memory["nonce"], code_verifier=memory["verifier"], **asked
        )
    return url, memory


def finish(*, memory: Mapping[str, Any], answer: Mapping[str, str]) -> Claims:
    """What the provider says of the person who came back. Raises ProviderRefused or ProviderDown."""
    if time.time() - memory["at"] > MEMORY_LASTS:
        raise ProviderRefused(_("That took too long. Begin again."))
    if not constant_time_compare(answer.get("state", ""), memory["state"]):
        raise ProviderRefused(_not_ours())
    if "error" in answer or not answer.get("code"):
        log.info("provider_refused", error=answer.get("error", ""), said=answer.get("error_description", ""))
        raise ProviderRefused(_("The provider did not confirm who you are."))
    metadata = _metadata()
    try:
        with _session(memory) as session:
            token = session.fetch_token(
                metadata["token_endpoint"], code=answer["code"], code_verifier=memory["verifier"]
            )
        keys = KeySet.import_key_set(_get(metadata["jwks_uri"]))
        claims = _proven(token, keys, metadata["issuer"], memory["nonce"])
    except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as wrong:
        log.warning("provider_answer_refused", error=f"{type(wrong).__name__}: {wrong}")
        raise ProviderRefused(_not_ours()) from wrong
    except requests.RequestException as down:
        raise _down(down) from down
    return claims


def _proven(token: Mapping[str, Any], keys: KeySet, issuer: str, nonce: str) -> Claims:
    """Signature, issuer, audience, expiry, nonce: each by the library, each tested against a provider that errs."""
    decoded = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
    wanted = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID}}
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        wanted,
        {"nonce": nonce, "client_id": settings.OIDC_CLIENT_ID, "access_token": token.get("access_token")},
    )
    claims.validate(leeway=CLOCKS_DIFFER)
    said = decoded.claims
    if not said["sub"] or not isinstance(said["sub"], str):
        raise ValueError("sub")
    return Claims(
        identity=f"{issuer} {said['sub']}",
        username=str(said.get(settings.OIDC_USERNAME_CLAIM) or ""),
        email=str(said.get("email") or "") if said.get("email_verified") is True else "",
        auth_time=dt.datetime.fromtimestamp(int(said.get("auth_time") or 0), dt.UTC),
    )


def _session(memory: Mapping[str, Any]) -> OAuth2Session:
    session = OAuth2Session(
        settings.OIDC_CLIENT_ID,
        settings.OIDC_CLIENT_SECRET,
        scope="openid profile email",
        redirect_uri=memory["redirect_uri"],
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if settings.OIDC_CLIENT_SECRET else "none",
        default_timeout=TIMEOUT,
    )
    session.verify = _trusted()
    return session


def _metadata() -> dict[str, Any]:
    issuer = settings.OIDC_ISSUER.rstrip("/")
    try:
        found: dict[str, Any] = _get(f"{issuer}/.well-known/openid-configuration")
    except (requests.RequestException, ValueError) as down:
        raise _down(down) from down
    if found.get("issuer", "").rstrip("/") != issuer:
        log.error("provider_issuer_differs", said=found.get("issuer"))
        raise ProviderRefused(_not_ours())
    return found


def _get(url: str) -> Any:
    answer = requests.get(url, timeout=TIMEOUT, allow_redirects=False, verify=_trusted())
    answer.raise_for_status()
    return answer.json()


def _trusted() -> str | bool:
    return settings.OIDC_CA_CERTIFICATES or True


def _down(error: Exception) -> ProviderDown:
    log.error("provider_down", error=f"{type(error).__name__}: {error}")
    return ProviderDown(_("%(provider)s does not answer. Try again in a moment.") % {"provider": settings.OIDC_NAME})


def _not_ours() -> str:
    return _("The answer of the provider is not valid. Begin again; tell your administrator when it comes back.")
