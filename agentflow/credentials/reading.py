"""What people give for a credential, checked field by field."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from agentflow.credentials.kinds import Field, Kind
from blocks.hosts import is_pattern
from blocks.http import RESERVED_HEADERS

MOST_CHARACTERS = 10_000
MOST_HOSTS = 50
MOST_HEADERS = 50
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
#: Nothing of a header may begin a further one (RFC 9110).
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
URL_FIELDS = frozenset({"base_url", "authorize_url", "token_url"})

Problem = dict[str, str]


class CredentialRefused(Exception):
    """What was given is no credential; `problems` are `{pointer, detail}`."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(problem["detail"] for problem in problems))
        self.problems = problems


def read_fields(kind: Kind, given: Mapping[str, Any], *, known: Iterable[str] = ()) -> dict[str, str]:
    """The fields as text with defaults; what is `known` already need not be given again.

    Raises:
        CredentialRefused: a field is missing, unknown or wrong.
    """
    problems: list[Problem] = []
    fields = {field.name: field for field in kind.fields}
    read: dict[str, str] = {}
    for name, value in given.items():
        if detail := _problem(kind, fields.get(name), name, value):
            problems.append({"pointer": f"#/fields/{name}", "detail": detail})
        else:
            read[name] = "" if value is None else str(value).strip()
    held = {*known, *read}
    for field in fields.values():
        if field.name not in held and field.default:
            read[field.name] = field.default
        elif field.is_required and field.name not in given and field.name not in held:
            problems.append({"pointer": f"#/fields/{field.name}", "detail": f"“{field.title}” is needed."})
    if kind.is_open and len(held) > MOST_HEADERS:
        problems.append({"pointer": "#/fields", "detail": f"At most {MOST_HEADERS} headers."})
    if kind.is_open and not any(read.get(name, "set") for name in held):
        problems.append({"pointer": "#/fields", "detail": "Give at least one header."})
    if problems:
        raise CredentialRefused(problems)
    return read


def read_hosts(kind: Kind, given: Iterable[Any]) -> list[str]:
    """Host patterns, each once.

    Raises:
        CredentialRefused: one is none.
    """
    hosts = list(dict.fromkeys(str(host).strip().lower() for host in given))
    problems = [
        {
            "pointer": f"#/hosts/{number}",
            "detail": f"“{host[:200]}” is no host such as api.example.com or *.example.com.",
        }
        for number, host in enumerate(hosts)
        if not is_pattern(host)
    ]
    if len(hosts) > MOST_HOSTS:
        problems.append({"pointer": "#/hosts", "detail": f"At most {MOST_HOSTS} hosts."})
    if hosts and not kind.has_hosts:
        problems.append({"pointer": "#/hosts", "detail": f"{kind.title} is not sent to hosts of your choice."})
    if problems:
        raise CredentialRefused(problems)
    return hosts


def _problem(kind: Kind, field: Field | None, name: str, value: Any) -> str:
    """Why the value is wrong; empty: it is not."""
    if not isinstance(value, str | int | None) or isinstance(value, bool):
        return "Give text."
    text = "" if value is None else str(value).strip()
    if len(text) > MOST_CHARACTERS or "\0" in text:
        return f"Give at most {MOST_CHARACTERS:,} characters, none of them empty."
    if field is None:
        return _header_problem(name, text) if kind.is_open else f"{kind.title} has no field “{name[:200]}”."
    if field.is_required and not text:
        return f"“{field.title}” is needed."
    if not text:
        return ""
    if field.choices and text not in field.choices:
        return f"“{field.title}” is one of: {', '.join(field.choices)}."
    if name in URL_FIELDS:
        return "" if _is_address(text) else f"“{field.title}” begins with https:// or http:// and names a host."
    if name == "header":
        return _header_problem(text, "")
    if name == "port":
        return "" if text.isascii() and text.isdigit() and 0 < int(text) < 65_536 else "A port is a number up to 65535."
    if name == "url" and "://" not in text:
        return "The address looks like postgresql://user:password@host:5432/name."
    if name in ("key", "token") and not HEADER_VALUE.fullmatch(text):
        return "It is sent in a header, which has no line breaks and no letters beyond Latin-1."
    return ""


def _header_problem(name: str, value: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        return f"“{name[:200]}” is no name of a header."
    if name.lower() in RESERVED_HEADERS:
        return f"The header {name} cannot be set."
    return "" if HEADER_VALUE.fullmatch(value) else f"The value of {name} has line breaks or letters beyond Latin-1."


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        return False
