"""The test button: whether the other side takes a credential, and if not, what it says."""

import asyncio
from dataclasses import dataclass

from asgiref.sync import async_to_sync
from django.conf import settings

from agentflow.credentials.hiding import Hiding
from agentflow.credentials.kinds import OAUTH2, SMTP, SQL
from agentflow.credentials.models import Credential
from agentflow.credentials.sealing import NotOpened
from agentflow.credentials.services import LOST, secrets_of
from blocks.base import BlockError
from blocks.context import Secret
from blocks.hosts import PATTERN
from blocks.http import SafeHttpClient

SECONDS = 10.0
REFUSALS = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True)
class Tried:
    """What a test found."""

    works: bool
    detail: str


def try_out(credential: Credential) -> Tried:
    """Use the credential once, in a way that changes nothing on the other side."""
    try:
        if credential.kind == OAUTH2.id:
            from agentflow.credentials.oauth import check

            problem = check(credential)
            return Tried(not problem, problem or "Its access is good.")
        if credential.problem:
            return Tried(works=False, detail=credential.problem)
        secret = _secret(credential)
    except NotOpened:
        return Tried(works=False, detail=LOST)
    except BlockError as error:
        return Tried(works=False, detail=error.message)
    hiding = Hiding()
    hiding.learn(secret)
    try:
        detail = async_to_sync(_try)(secret)
    except BlockError as error:
        return Tried(works=False, detail=hiding.text(error.message))
    except TimeoutError:
        return Tried(works=False, detail=f"No answer within {SECONDS:g} seconds.")
    except Exception as error:  # noqa: BLE001 - what drivers and mail servers raise is told, whatever it is
        return Tried(works=False, detail=hiding.text(f"{type(error).__name__}: {error}")[:500])
    return Tried(works=True, detail=detail)


def _secret(credential: Credential) -> Secret:
    fields = {**credential.settings, **secrets_of(credential)}
    return Secret(str(credential.pk), credential.kind, fields, tuple(credential.hosts))


async def _try(secret: Secret) -> str:
    async with asyncio.timeout(SECONDS):
        if secret.kind == SMTP.id:
            return await _try_mail(secret)
        if secret.kind == SQL.id:
            return await _try_database(secret)
        return await _try_request(secret)


async def _try_request(secret: Secret) -> str:
    url = secret.fields.get("base_url") or _first_address(secret.hosts)
    async with SafeHttpClient(settings.HTTP_ALLOW) as client:
        answer = await client.request("GET", url, credential=secret, timeout_seconds=SECONDS)
    if answer.status in REFUSALS:
        raise BlockError(f"{url} refuses it ({answer.status}).")
    if answer.status >= 500:
        raise BlockError(f"{url} answers {answer.status}: it does not work at the moment.")
    return f"{url} answers {answer.status} and does not refuse it."


def _first_address(hosts: tuple[str, ...]) -> str:
    for host in hosts:
        match = PATTERN.fullmatch(host)
        if match is not None and not match["host"].startswith("*."):
            return host if match["scheme"] else f"https://{host}"
    raise BlockError("There is no address to test it at: name a host without * that it may be sent to.")


async def _try_mail(secret: Secret) -> str:
    from blocks.mail import server_of, signed_on

    host, port, _ = server_of(secret)
    async with SafeHttpClient(settings.HTTP_ALLOW) as client, signed_on(secret, client):
        return f"{host}:{port} takes it." if secret.fields.get("user") else f"{host}:{port} answers."


async def _try_database(secret: Secret) -> str:
    from blocks.sql import asking, settings_of

    wanted = settings_of(secret)
    async with SafeHttpClient(settings.HTTP_ALLOW) as client, asking(wanted, SECONDS, client) as connection:
        await connection.execute("SELECT 1")
    return f"{wanted['host']} takes it."
