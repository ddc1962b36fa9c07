"""An OpenID Connect provider on this machine that is as strict as real ones: PKCE, codes that work once, signed tokens.

Discovery 1.0, Core 1.0 §3.1 (authorisation code flow), RFC 7636 (PKCE, S256 only).
"""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "agentflow", "oidc-secret"
PEOPLE: dict[str, dict[str, Any]] = {
    "dora": {"sub": "u-1", "preferred_username": "dora", "email": "dora@example.org", "given_name": "Dora"},
    "alice": {"sub": "u-2", "preferred_username": "alice", "email": "alice@example.org", "email_verified": True},
}


class Provider(ThreadingHTTPServer):
    """What it has handed out, by code and by access token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Endpoints)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.codes: dict[str, dict[str, Any]] = {}
        self.access: dict[str, str] = {}


class Endpoints(BaseHTTPRequestHandler):
    """GET and POST; anything that is not as it must be is refused."""

    server: Provider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(address.query).items()}
        match address.path:
            case "/.well-known/openid-configuration":
                self._json(self._discovery())
            case "/jwks":
                key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.server.key.public_key()))
                self._json({"keys": [{**key, "kid": "k", "use": "sig", "alg": "RS256"}]})
            case "/authorize":
                self._authorize(given)
            case "/userinfo":
                person = self.server.access.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
                self._json(PEOPLE[person] if person else {"error": "invalid_token"}, 200 if person else 401)
            case _:
                self._json({"error": "not_found"}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.server.codes.pop(given.get("code", ""), None)  # a code works once
        if self.path != "/token" or not self._is_client(given):
            self._json({"error": "invalid_client"}, 401)
        elif asked is None or not _fits(asked, given):
            self._json({"error": "invalid_grant"}, 400)
        else:
            self._json(self._tokens(asked["person"]))

    def _discovery(self) -> dict[str, Any]:
        issuer = self.server.issuer
        return {
            "issuer": issuer,
            **{f"{name}_endpoint": f"{issuer}/{path}" for name, path in ENDPOINTS.items()},
            "jwks_uri": f"{issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _authorize(self, given: dict[str, str]) -> None:
        """Send the person who is logged in here (a cookie) back with a code, or with a refusal."""
        is_sound = given.get("client_id") == CLIENT and given.get("redirect_uri", "").endswith(CALLBACK)
        if not is_sound:
            self._json({"error": "invalid_request"}, 400)
            return
        person = SimpleCookie(self.headers.get("Cookie", "")).get("person")
        answer = {"state": given.get("state", "")}
        is_whole = given.get("response_type") == "code" and "openid" in given.get("scope", "").split()
        if not is_whole or given.get("code_challenge_method") != "S256":
            answer["error"] = "invalid_request"
        elif person is None:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe()
            self.server.codes[answer["code"]] = {**given, "person": person.value}
        self.send_response(302)
        self.send_header("Location", f"{given['redirect_uri']}?{urlencode(answer)}")
        self.end_headers()

    def _is_client(self, given: dict[str, str]) -> bool:
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        name, _, secret = base64.b64decode(encoded).decode().partition(":") if kind == "Basic" else ("", "", "")
        return (unquote(name), unquote(secret)) == (CLIENT, SECRET)

    def _tokens(self, person: str) -> dict[str, Any]:
        access = secrets.token_urlsafe()
        self.server.access[access] = person
        now = int(time.time())
        claims = {**PEOPLE[person], "iss": self.server.issuer, "aud": CLIENT, "iat": now, "exp": now + 60}
        signed = jwt.encode(claims, self.server.key, "RS256", {"kid": "k"})
        return {"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": signed}

    def _json(self, body: Any, status: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing: tests are quiet."""


ENDPOINTS = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
CALLBACK = "/accounts/oidc/oidc/login/callback/"


def _fits(asked: dict[str, Any], given: dict[str, str]) -> bool:
    """Whether the code is redeemed by whoever asked for it."""
    verifier = sha256(given.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
    return (
        given.get("grant_type") == "authorization_code"
        and given.get("redirect_uri") == asked["redirect_uri"]
        and challenge == asked["code_challenge"]
    )


@contextmanager
def provider() -> Iterator[Provider]:
    """One that answers inside."""
    server = Provider()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
