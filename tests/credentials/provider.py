"""An OAuth 2 provider on this machine: it checks PKCE, clients and redirect addresses, and rotates refresh tokens."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

CLIENT = ("client id", "client:s3cret+/")


@dataclass
class Provider:
    """What it has given, and how it shall behave."""

    url: str = ""
    #: Code -> challenge and redirect address.
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Refresh tokens that are good now; one that is used again ends them all.
    refresh_tokens: set[str] = field(default_factory=set)
    access_tokens: set[str] = field(default_factory=set)
    expires_in: int | None = 3_600
    #: Answer of the next token requests instead of a token: status and body.
    instead: tuple[int, str] | None = None
    delay_seconds: float = 0.0
    refreshed: int = 0
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def authorise(self, url: str) -> str:
        """As a person's browser that agrees: where it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT[0]
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = (asked["code_challenge"], asked["redirect_uri"])
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, str]:
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.delay_seconds)
        try:
            with self.lock:
                return self._token(form, authorization)
        finally:
            with self.lock:
                self.at_once -= 1

    def _token(self, form: dict[str, str], authorization: str) -> tuple[int, str]:
        if self.instead:
            return self.instead
        if not _is_client(form, authorization):
            return 401, json.dumps({"error": "invalid_client"})
        if form["grant_type"] == "authorization_code":
            challenge, redirect_uri = self.codes.pop(form["code"], ("", ""))
            if challenge != _challenge(form.get("code_verifier", "")) or redirect_uri != form.get("redirect_uri"):
                return 400, json.dumps({"error": "invalid_grant", "error_description": "the code is not good"})
        elif form["refresh_token"] not in self.refresh_tokens:
            self.refresh_tokens.clear()
            return 400, json.dumps({"error": "invalid_grant", "error_description": "the refresh token is not good"})
        else:
            self.refreshed += 1
            self.refresh_tokens.remove(form["refresh_token"])
        given = {"access_token": secrets.token_urlsafe(16), "refresh_token": secrets.token_urlsafe(16)}
        self.access_tokens, self.refresh_tokens = {given["access_token"]}, {given["refresh_token"]}
        answer: dict[str, Any] = {**given, "token_type": "Bearer"}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        return 200, json.dumps(answer)


def _is_client(form: dict[str, str], authorization: str) -> bool:
    if authorization.startswith("Basic "):
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        return tuple(unquote_plus(part) for part in pair) == CLIENT
    return (form.get("client_id"), form.get("client_secret")) == CLIENT


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@contextmanager
def providing() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, text = provider.token(form, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self) -> None:
            is_good = self.headers.get("Authorization", "") in {f"Bearer {each}" for each in provider.access_tokens}
            self.send_response(200 if is_good else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
