"""OAuth 2 with any provider by its endpoints: people agree (authorisation code with PKCE), tokens are renewed by themselves.

oauthlib knows the protocol; what is sent goes by the HTTP client that reaches no private addresses.
"""

import base64
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from agentflow.credentials.kinds import OAUTH2
from agentflow.credentials.models import Credential
from agentflow.credentials.sealing import NotOpened
from agentflow.credentials.services import LOST, secrets_of, store_secrets
from agentflow.database.limits import patience
from blocks.base import BlockError
from blocks.context import HttpResponse
from blocks.http import SafeHttpClient

logger = logging.getLogger(__name__)

#: What a provider may take for an answer.
TOKEN_SECONDS = 20.0
#: A row stays locked while its provider is asked.
LOCK_SECONDS = 45
#: A token that is good for less than this is renewed before it is used.
MARGIN = timedelta(seconds=60)
STATE_BYTES = 32
#: RFC 7636 §4.1 allows 43 to 128.
VERIFIER_LENGTH = 64
#: Errors of a provider that no repetition mends (RFC 6749 §5.2).
LASTING = frozenset(
    {"invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type"}
)
MOST_SHOWN = 300

CONNECT_AGAIN = "Open it on the page Credentials and press Connect."


class NotGranted(Exception):
    """The provider, or the person, said no; the message is for people."""


@dataclass(frozen=True, slots=True)
class Request:
    """An authorisation that a person is asked for; kept in their session until the provider sends them back."""

    credential: str
    state: str
    verifier: str
    redirect_uri: str


def authorisation(credential: Credential, redirect_uri: str) -> tuple[str, Request]:
    """Where to send the person, and what their session must keep."""
    client = WebApplicationClient(credential.settings["client_id"])
    request = Request(
        credential=str(credential.pk),
        state=secrets.token_urlsafe(STATE_BYTES),
        verifier=client.create_code_verifier(VERIFIER_LENGTH),
        redirect_uri=redirect_uri,
    )
    parameters = {
        "response_type": "code",
        "client_id": credential.settings["client_id"],
        "redirect_uri": redirect_uri,
        "state": request.state,
        "code_challenge": client.create_code_challenge(request.verifier, "S256"),
        "code_challenge_method": "S256",
    }
    if scopes := credential.settings.get("scopes"):
        parameters["scope"] = scopes
    return add_params_to_uri(credential.settings["authorize_url"], list(parameters.items())), request


def take_code(credential: Credential, request: Request, code: str) -> None:
    """Exchange the code for tokens and keep them.

    Raises:
        NotGranted: the provider did not give any.
    """
    with transaction.atomic():
        locked = _locked(credential.pk)
        client = WebApplicationClient(locked.settings["client_id"])
        body = client.prepare_request_body(
            code=code, redirect_uri=request.redirect_uri, code_verifier=request.verifier, include_client_id=False
        )
        opened = secrets_of(locked)
        tokens = _tokens(locked, opened, body)
        _keep(locked, opened, tokens)


def renew(id: UUID) -> None:
    """Have a new access token if the one that is stored is over; the row is locked, so that nobody else does.

    Raises:
        BlockError: the provider is away (another try may help), or has taken the access back.
    """
    try:
        connection.ensure_connection()
        with patience(LOCK_SECONDS):
            problem = _renewed(id)
    except Credential.DoesNotExist:
        raise BlockError("The credential of this step was deleted.", retry=False) from None
    except Error as error:
        logger.warning("access not renewed: %s", error, extra={"action": "renewal_failed", "id": str(id)})
        raise BlockError("The access of the credential could not be renewed just now.") from None
    finally:
        connection.close()
    if problem:
        raise BlockError(problem, retry=False)


def _renewed(id: UUID, *, is_forced: bool = False) -> str:
    """What keeps the credential from being used from now on; empty: nothing does."""
    with transaction.atomic():
        locked = _locked(id)
        if not is_forced and (locked.expires_at is None or locked.expires_at > timezone.now() + MARGIN):
            return locked.problem  # another worker was first
        try:
            opened = secrets_of(locked)
            if not opened.get("refresh_token"):
                raise NotGranted(f"Its access has ended, and the provider lets nobody renew it. {CONNECT_AGAIN}")
            client = WebApplicationClient(locked.settings["client_id"])
            body = client.prepare_refresh_body(refresh_token=opened["refresh_token"])
            _keep(locked, opened, _tokens(locked, opened, body))
        except NotOpened:
            return LOST
        except NotGranted as error:
            locked.problem = str(error)
            locked.save(update_fields=["problem"])
            logger.warning("access not renewed: %s", error, extra={"action": "renewal_refused", "id": str(id)})
        return locked.problem


def check(credential: Credential) -> str:
    """Renew the access now, to see whether it can be; what keeps it from that, or empty."""
    try:
        opened = secrets_of(credential)
    except NotOpened:
        return LOST
    if not opened.get("access_token"):
        return credential.problem
    if not opened.get("refresh_token"):
        is_over = credential.expires_at is not None and credential.expires_at <= timezone.now()
        return f"Its access has ended. {CONNECT_AGAIN}" if is_over else ""
    return _renewed(credential.pk, is_forced=True)


def _locked(id: UUID) -> Credential:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{LOCK_SECONDS}s'")
    return Credential.objects.select_for_update().get(pk=id, kind=OAUTH2.id)


def _tokens(credential: Credential, opened: Mapping[str, str], body: str) -> dict[str, Any]:
    """What the token endpoint gives for this body.

    Raises:
        NotGranted: it refuses for good.
        BlockError: it is away, or its answer is none.
    """
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    client_id, client_secret = credential.settings["client_id"], opened.get("client_secret", "")
    if client_secret and credential.settings.get("client_authentication") != "body":
        # Both are form-encoded first (RFC 6749 §2.3.1).
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        body += f"&client_id={quote_plus(client_id)}"
        body += f"&client_secret={quote_plus(client_secret)}" if client_secret else ""
    answer = async_to_sync(_post)(credential.settings["token_url"], headers, body.encode())
    text = answer.body.decode("utf-8", "replace")
    try:
        parsed: dict[str, Any] = WebApplicationClient(client_id).parse_request_body_response(text)
    except OAuth2Error as error:
        if error.error in LASTING:
            words = _shown(error.description or error.error)
            raise NotGranted(f"The provider refuses: {words} {CONNECT_AGAIN}") from None
        raise BlockError(f"The provider answered {answer.status} without a token.") from None
    except (ValueError, TypeError, AttributeError):
        raise BlockError(f"The provider answered {answer.status} with something that is no token.") from None
    return parsed


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    async with SafeHttpClient(settings.HTTP_ALLOW) as client:
        return await client.request("POST", url, headers=headers, content=body, timeout_seconds=TOKEN_SECONDS)


def _keep(credential: Credential, opened: Mapping[str, str], tokens: Mapping[str, Any]) -> None:
    """Store what was given; a provider that gives no new refresh token leaves the old one good."""
    kept = {**opened, "access_token": str(tokens["access_token"])}
    if given := tokens.get("refresh_token"):
        kept["refresh_token"] = str(given)
    store_secrets(credential, kept)
    seconds = tokens.get("expires_in")
    credential.expires_at = timezone.now() + timedelta(seconds=float(seconds)) if seconds else None
    credential.problem = ""
    credential.save(update_fields=["sealed", "key", "secret_names", "expires_at", "problem"])


def _shown(text: str) -> str:
    plain = " ".join(text.split())[:MOST_SHOWN]
    return plain if plain.endswith(".") else f"{plain}."
