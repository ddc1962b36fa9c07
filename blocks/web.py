"""Requests to other servers."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Credential, Example, Outputs
from blocks.context import HttpResponse
from blocks.forms import CODE, SETTING
from blocks.values import Number, parse_json, to_text

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

#: Methods that change nothing: they need no key against doing things twice.
_SAFE = frozenset({"GET", "HEAD"})
#: Statuses below 500 that another attempt may mend (RFC 9110, 6585).
_PASSING = frozenset({408, 425, 429})
_TEXT_TYPES = ("xml", "javascript", "x-www-form-urlencoded", "yaml", "csv")

#: Kinds of credential that are sent in headers.
CREDENTIALS = ("api_key", "basic", "bearer", "headers", "oauth2")

RESPONSE: dict[str, Any] = {
    "type": "object",
    "properties": {"status": {"type": "integer"}, "headers": {"type": "object"}, "body": {}},
}


class Request(Block):
    """Send an HTTP request and read the answer: JSON becomes a value, everything else is text.

    An answer with a status from 400 goes to `client_error`, from 500 to `server_error`, so that the graph can decide;
    or it fails the node, so that its retries apply. Private addresses are refused unless an administrator allows them.
    """

    id = "web.request"
    title = "HTTP request"
    category = "Web"
    icon = "globe"

    class Input(BlockInput):
        url: str = Field(min_length=1, description="Begins with http:// or https://.")
        method: Method = "GET"
        headers: dict[str, Any] = Field(default_factory=dict, description="Name -> value.")
        body: Any = Field(
            None,
            description="Text is sent as it is, everything else as JSON; a dict as a form when the Content-Type says so.",
            json_schema_extra=CODE,
        )
        query: dict[str, Any] = Field(default_factory=dict, description="Added to the address after the ?.")
        timeout_seconds: Number = Field(
            30,
            gt=0,
            le=3_600,
            title="Timeout (seconds)",
            json_schema_extra={**SETTING, "exclusiveMinimum": 0, "maximum": 3_600},
        )
        credential: Credential["api_key", "basic", "bearer", "headers", "oauth2"] | None = Field(
            None, description="Sent along to the hosts that it names, and to no other.", json_schema_extra=SETTING
        )
        error_answers: Literal["ports", "fail"] = Field(
            "ports", description="ports: give them on the error ports; fail: fail the node."
        )

    class Output(BlockOutput):
        response: dict[str, Any] = Field(json_schema_extra=RESPONSE)
        body: Any
        client_error: dict[str, Any] = Field(json_schema_extra=RESPONSE)
        server_error: dict[str, Any] = Field(json_schema_extra=RESPONSE)

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        given = {name: to_text(value) for name, value in input.headers.items()}
        headers = complete(given, input.method, input.body, context.idempotency_key)
        credential = await context.credential(input.credential, *CREDENTIALS) if input.credential else None
        answer = await context.http.request(
            input.method,
            input.url,
            headers=headers,
            params={name: to_text(value) for name, value in input.query.items()},
            content=encode_body(input.body, headers),
            timeout_seconds=input.timeout_seconds,
            credential=credential,
        )
        response = {"status": answer.status, "headers": dict(answer.headers), "body": read_body(answer, context)}
        if answer.status < 400:
            yield "response", response
            yield "body", response["body"]
        elif input.error_answers == "fail":
            raise status_error(answer)
        else:
            yield ("client_error" if answer.status < 500 else "server_error"), response

    examples: ClassVar[list[Example]] = [
        Example(
            {"url": "https://api.example.com/echo", "method": "POST", "body": {"n": 1}},
            {"body": {"n": 1}},
            title="JSON in, JSON out",
            partial=True,
        ),
        Example(
            {"url": "https://api.example.com/text"},
            {
                "response": {"status": 200, "headers": {"content-type": "text/plain; charset=utf-8"}, "body": "hello"},
                "body": "hello",
            },
        ),
        Example(
            {"url": "https://api.example.com/missing"},
            {
                "client_error": {
                    "status": 404,
                    "headers": {"content-type": "application/json"},
                    "body": {"detail": "Not found"},
                }
            },
            title="An error answer",
        ),
        Example({"url": "https://api.example.com/missing", "error_answers": "fail"}, error="answered 404"),
        Example({"url": "http://127.0.0.1/"}, error="private addresses"),
    ]


def complete(headers: Mapping[str, str], method: str, body: Any, key: str) -> dict[str, str]:
    """The headers with what is missing: the body's type, and a key against doing things twice unless nothing changes."""
    names = {name.lower() for name in headers}
    completed = dict(headers)
    if body is not None and "content-type" not in names:
        completed["Content-Type"] = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    if method not in _SAFE and "idempotency-key" not in names:
        completed["Idempotency-Key"] = key
    return completed


def encode_body(body: Any, headers: Mapping[str, str]) -> bytes | None:
    """Bytes of the body as the `Content-Type` wants them."""
    if body is None:
        return None
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if kind.startswith("application/x-www-form-urlencoded") and isinstance(body, dict):
        return urlencode({name: to_text(value) for name, value in body.items()}).encode()
    return to_text(body).encode()


def read_body(answer: HttpResponse, context: BlockContext) -> Any:
    """The body as a value by its content type; binary data as base64 text, with a line in the log."""
    kind, _, parameters = answer.headers.get("content-type", "").lower().partition(";")
    kind = kind.strip()
    if not answer.body:
        return None if is_json(kind) else ""
    if is_json(kind):
        try:
            return parse_json(answer.body)
        except BlockError as error:
            context.log(f"The answer says that it is JSON, but: {error.message} It is given as text.", "warning")
    if is_json(kind) or kind.startswith("text/") or kind.endswith(_TEXT_TYPES) or not kind:
        return decode(answer.body, parameters)
    try:
        return answer.body.decode()
    except UnicodeDecodeError:
        context.log(f"The answer is binary ({kind}); it is given as base64 text.")
        return base64.b64encode(answer.body).decode()


def is_json(kind: str) -> bool:
    """Whether a media type means JSON: `application/json`, `text/json`, `application/problem+json`."""
    return kind.endswith(("/json", "+json"))


def decode(body: bytes, parameters: str) -> str:
    """Text of a body in the charset that its content type names, else UTF-8; wrong bytes become �."""
    names = [
        part.partition("=")[2].strip(' "') for part in parameters.split(";") if part.strip().startswith("charset=")
    ]
    try:
        return body.decode(names[0] if names else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def status_error(answer: HttpResponse) -> BlockError:
    """The failure that an error answer is; 5xx, timeouts and throttling may pass, so they are retried."""
    retry = answer.status >= 500 or answer.status in _PASSING
    excerpt = " ".join(answer.body[:300].decode("utf-8", "replace").split())
    return BlockError(f"The server answered {answer.status}{f': {excerpt}' if excerpt else ''}.", retry=retry)
