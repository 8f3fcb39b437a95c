"""An OpenID provider that really runs, on loopback: discovery, keys, authorization with PKCE, token. It can err."""

import base64
import datetime as dt
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLIENT, SECRET = "genba", "client-secret"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: dict[str, Any]) -> str:
    return b64(json.dumps(value).encode())


def sign(claims: dict[str, Any], key: rsa.RSAPrivateKey, kid: str = "one") -> str:
    signed = f"{part({'alg': 'RS256', 'kid': kid, 'typ': 'JWT'})}.{part(claims)}"
    return f"{signed}.{b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class Provider:
    """Who is signed in there, and what it does wrong: tests set these."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = KEY
        self.person: dict[str, Any] = {"sub": "4711", "preferred_username": "sato"}
        self.wrong: dict[str, Any] = {}  # claims said otherwise
        self.encode: Callable[[dict[str, Any]], str] = lambda claims: sign(claims, self.key)
        self.says_issuer = url
        self.error = ""
        self.authenticated_at: float | None = None  # of a session there; None: it asks anew
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent; the person has said who it is."""
        self.asked.append(asked)
        if self.error:
            return asked["redirect_uri"] + "?" + urlencode({"error": self.error, "state": asked["state"]})
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        who = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or authorization != who or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if b64(hashlib.sha256(form["code_verifier"].encode()).digest()) != asked["code_challenge"]:
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "auth_time": int(self.authenticated_at or now),
            "nonce": asked["nonce"],
            **self.person,
            **self.wrong,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.encode(said)}

    def keys(self) -> dict[str, Any]:
        public = self.key.public_key().public_numbers()
        numbers = {
            name: b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))
            for name, value in (("n", public.n), ("e", public.e))
        }
        return {"keys": [{"kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256", **numbers}]}

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.says_issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        if at.path == "/.well-known/openid-configuration":
            self._json(200, self.provider.metadata())
        elif at.path == "/keys":
            self._json(200, self.provider.keys())
        elif at.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.provider.authorize(_one(at.query)))
            self.end_headers()
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._json(*self.provider.token(_one(body), self.headers.get("Authorization", "")))

    def _json(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


def _one(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def running_provider() -> Iterator[Provider]:
    handler = type("OwnHandler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    provider = Provider(f"http://127.0.0.1:{server.server_address[1]}")
    handler.provider = provider  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def ago(**span: float) -> float:
    return (dt.datetime.now(dt.UTC) - dt.timedelta(**span)).timestamp()
