"""Verbs: make a credential, change it, delete it."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from agentflow.accounts import audit
from agentflow.credentials.hiding import Hiding
from agentflow.credentials.kinds import KINDS, OAUTH2, Kind
from agentflow.credentials.models import Credential
from agentflow.credentials.reading import CredentialRefused, read_fields, read_hosts
from agentflow.credentials.sealing import NotOpened, first_name, seal
from blocks.context import Secret
from blocks.hosts import pattern_of

#: Of OAuth: what the provider gave, sealed beside what people gave.
TOKENS = ("access_token", "refresh_token")
NOT_CONNECTED = "Nobody has agreed at the provider yet. Open it on the page Credentials and press Connect."
LOST = "It cannot be opened with the keys of this installation. Give its secrets again."
GIVE_AGAIN = (
    "Where the credential is sent changes, so give “{title}” again: only its owner may send it elsewhere without."
)


def make_credential(
    *, owner: User, kind: str, name: str, fields: Mapping[str, Any], hosts: Iterable[str] = ()
) -> Credential:
    """A new credential.

    Raises:
        CredentialRefused: a field is missing or wrong, or the owner has one of this name.
    """
    chosen = _kind(kind)
    read = read_fields(chosen, fields)
    found = read_hosts(chosen, hosts)
    if not found and (host := pattern_of(read.get("base_url", ""))):
        found = [host]
    credential = Credential(owner=owner, kind=kind, name=_name(name), hosts=found)
    _put(credential, chosen, read, {})
    if kind == OAUTH2.id:
        credential.problem = NOT_CONNECTED
    with transaction.atomic():
        _save(credential)
        audit.record(owner, "created", credential, detail={"kind": kind})
    return credential


def change_credential(
    credential: Credential,
    *,
    by: User,
    is_owner: bool,
    name: str | None = None,
    fields: Mapping[str, Any] | None = None,
    hosts: Iterable[str] | None = None,
) -> Credential:
    """Change what is given; everything else, secrets too, stays.

    Raises:
        CredentialRefused: a field is wrong, or it would send secrets elsewhere that an editor does not know.
    """
    with transaction.atomic():
        locked = Credential.objects.select_for_update().get(pk=credential.pk)
        kind = _kind(locked.kind)
        secrets = _opened(locked)
        given = {**(fields or {})}
        known = {*locked.settings, *(secrets if secrets is not None else ())} - set(TOKENS)
        read = read_fields(kind, given, known=known)
        new_hosts = locked.hosts if hosts is None else read_hosts(kind, hosts)
        is_elsewhere = set(new_hosts) - set(locked.hosts) or any(
            field.is_destination and read.get(field.name, before) != before
            for field in kind.fields
            for before in [locked.settings.get(field.name, "")]
        )
        kept = {name: value for name, value in (secrets or {}).items() if name not in TOKENS}
        if is_elsewhere and not is_owner:
            _require_all(kind, kept, read)
        tokens = {name: value for name, value in (secrets or {}).items() if name in TOKENS}
        if kind is OAUTH2 and (_is_other_client(locked, read) or (is_elsewhere and not is_owner)):
            tokens, locked.problem, locked.expires_at = {}, NOT_CONNECTED, None
        elif kind is not OAUTH2 or secrets is None:
            locked.problem = "" if kind is not OAUTH2 else NOT_CONNECTED
        if name is not None:
            locked.name = _name(name)
        locked.hosts = new_hosts
        _put(locked, kind, read, {**kept, **tokens})
        _save(locked)
        changed = sorted(read) + ["hosts"] * (hosts is not None) + ["name"] * (name is not None)
        audit.record(by, "changed", locked, detail={"fields": ", ".join(changed)})
    return locked


def delete_credential(credential: Credential, *, by: User) -> None:
    """Steps that name it fail from now on, and graphs with such steps do not start."""
    with transaction.atomic():
        audit.record(by, "deleted", credential)
        credential.delete()


def store_secrets(credential: Credential, secrets: Mapping[str, str]) -> None:
    """Put these into the row, which is not saved."""
    credential.sealed, credential.key = seal().close(credential.pk, secrets), first_name()
    credential.secret_names = sorted(name for name in secrets if name not in TOKENS)


def secrets_of(credential: Credential) -> dict[str, str]:
    """Its secrets.

    Raises:
        NotOpened: none of the keys opens them.
    """
    return seal().open(credential.pk, credential.sealed)


def hiding_of(ids: Collection[UUID]) -> Hiding | None:
    """Hides the secrets of these credentials; None: there are none that can be opened."""
    found = Credential.objects.filter(pk__in=ids) if ids else ()
    hiding = Hiding()
    for credential in found:
        with suppress(NotOpened):
            fields = {**credential.settings, **secrets_of(credential)}
            hiding.learn(Secret(str(credential.pk), credential.kind, fields))
    return hiding if found else None


def _put(credential: Credential, kind: Kind, read: Mapping[str, str], secrets: dict[str, str]) -> None:
    plain = {**credential.settings}
    for name, value in read.items():
        where = secrets if kind.is_secret(name) else plain
        if value:
            where[name] = value
        else:
            where.pop(name, None)
    credential.settings = plain
    store_secrets(credential, secrets)


def _opened(credential: Credential) -> dict[str, str] | None:
    """Its secrets; None: their key is lost, so they must be given again."""
    try:
        return secrets_of(credential)
    except NotOpened:
        return None


def _require_all(kind: Kind, kept: Mapping[str, str], read: Mapping[str, str]) -> None:
    titles = {field.name: field.title for field in kind.fields}
    missing = [name for name in kept if not read.get(name)]
    if missing:
        raise CredentialRefused(
            [
                {"pointer": f"#/fields/{name}", "detail": GIVE_AGAIN.format(title=titles.get(name, name))}
                for name in missing
            ]
        )


def _is_other_client(credential: Credential, read: Mapping[str, str]) -> bool:
    """Tokens were given to one client of one provider, for some scopes."""
    names = ("authorize_url", "token_url", "client_id", "scopes")
    return any(name in read and read[name] != credential.settings.get(name, "") for name in names)


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise CredentialRefused([{"pointer": "#/kind", "detail": f"The kind is one of: {', '.join(KINDS)}."}])
    return KINDS[kind]


def _name(name: str) -> str:
    stripped = name.strip()
    if not 0 < len(stripped) <= 200 or "\0" in stripped:
        raise CredentialRefused([{"pointer": "#/name", "detail": "Give it a name of at most 200 characters."}])
    return stripped


def _save(credential: Credential) -> None:
    try:
        with transaction.atomic():
            credential.save()
    except IntegrityError:
        detail = f"There already is a credential “{credential.name}” of the same owner."
        raise CredentialRefused([{"pointer": "#/name", "detail": detail}]) from None
