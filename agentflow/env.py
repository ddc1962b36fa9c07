"""Typed readers for the environment; a bad value stops the start and names the variable.

What the environment does not say is looked up in `.env`, then in what a running `manage.py up` wrote down about the
services that it started. The readers need no Django settings, so that `up` can use them too.
"""

import base64
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})

#: Of a key that encrypts.
KEY_BYTES = 32

BASE_DIR = Path(__file__).resolve().parent.parent


def read_files() -> None:
    """Complete the environment from `.env` (AGENTFLOW_ENV_FILE) and from what a running `manage.py up` offers."""
    read_file(dotenv_file())
    read_file(services_file())


def dotenv_file() -> Path:
    """What people set for this checkout, if they do not set it in the environment."""
    return Path(text("AGENTFLOW_ENV_FILE", str(BASE_DIR / ".env")))


def data_folder() -> Path:
    """Data of this installation: secret key, embedded services, blobs, process ids, logs."""
    return Path(text("AGENTFLOW_DATA", str(BASE_DIR / ".agentflow"))).absolute()


def services_file() -> Path:
    """Addresses of the services that `manage.py up` runs, while it runs them."""
    return data_folder() / "env"


def text(name: str, default: str = "") -> str:
    """The variable as it is, stripped."""
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    """true/false, yes/no, on/off or 1/0."""
    value = text(name, "1" if default else "0").lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: float, *, minimum: float = 0) -> float:
    """A number not below `minimum`."""
    value = _parse(name, str(default), float, "a number")
    if value < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum:g}, not {value:g}.")
    return value


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    """A whole number not below `minimum`."""
    value = _parse(name, str(default), int, "a whole number")
    if value < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {value}.")
    return value


def usable_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choice(name: str, *allowed: str) -> str:
    """One of these words, in small letters; the first by default."""
    value = text(name).lower() or allowed[0]
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, empty parts dropped."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def required(name: str) -> str:
    """The variable, which must be set because of another one that is."""
    if not (value := text(name)):
        raise ImproperlyConfigured(f"{name} must be set.")
    return value


class MailServer(NamedTuple):
    """A server that takes mail; without a host there is none."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    #: `starttls`, `tls`, or empty for none.
    security: str = ""


#: By the scheme of the address: how it is secured, and the usual port.
MAIL_SCHEMES = {"smtp": ("", 25), "smtp+starttls": ("starttls", 587), "smtps": ("tls", 465)}


def mail_server(name: str) -> MailServer:
    """The server at smtp://, smtp+starttls:// or smtps://user:password@host:port."""
    if not (address := text(name)):
        return MailServer()
    try:
        parts = urlsplit(address)
        security, port = MAIL_SCHEMES[parts.scheme]
        found = MailServer(parts.hostname or "", parts.port or port, unquote(parts.username or ""), "", security)
    except (KeyError, ValueError):
        found = MailServer()
    if not found.host:
        raise ImproperlyConfigured(f"{name} must look like smtp+starttls://user:password@mail.example.com:587.")
    return found._replace(password=unquote(parts.password or ""))


def secret(name: str, fallback_file: Path) -> str:
    """The variable, else the content of a private file that is made once."""
    if value := text(name):
        return value
    if not fallback_file.exists():
        _make_private(fallback_file, secrets.token_urlsafe(48))
    return fallback_file.read_text().strip()


def keys(name: str, fallback_file: Path) -> list[str]:
    """Encryption keys, the first of which encrypts: comma-separated, else from a private file that is made once."""
    if not text(name) and not fallback_file.exists():
        _make_private(fallback_file, new_key())
    found = words(name) or fallback_file.read_text().replace(",", " ").split()
    if not found or not all(_is_key(key) for key in found):
        source = name if text(name) else str(fallback_file)
        raise ImproperlyConfigured(
            f"{source} must hold keys of 32 bytes in URL-safe base64. Make one: manage.py rotate_credential_keys --new"
        )
    return found


def new_key() -> str:
    """A key by chance."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def read_file(path: Path) -> None:
    """Set the file's `NAME=value` lines that the environment lacks; `#` begins a comment, quotes are optional."""
    try:
        lines = path.read_text().splitlines()
    except (FileNotFoundError, PermissionError):  # services of another user are not ours to use
        return
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def _is_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text)) == KEY_BYTES
    except ValueError:
        return False


def _make_private(path: Path, content: str) -> None:
    """Make the file with all of its content at once, unless another process of ours was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    with suppress(FileExistsError):
        os.link(unfinished, path)
    unfinished.unlink()


def _parse(name: str, default: str, convert: Callable[[str], T], what: str) -> T:
    value = text(name, default) or default
    try:
        return convert(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be {what}, not {value!r}.") from None
