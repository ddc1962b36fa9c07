"""The secret that a webhook's deliveries are signed with: that of a credential."""

from agentflow.credentials.permissions import credentials_for
from agentflow.credentials.sealing import NotOpened
from agentflow.credentials.services import secrets_of
from agentflow.triggers.models import Webhook

#: What a secret is called in the kinds that have one.
NAMES = ("key", "token", "password")


class SecretMissing(Exception):
    """Deliveries cannot be checked; the message says what to do."""


def secret_of(webhook: Webhook) -> str:
    """The secret; it is read anew each time, so that a changed one counts at once.

    Raises:
        SecretMissing: the credential is gone, not the owner's to use, of another kind, or cannot be opened.
    """
    if webhook.credential_id is None or webhook.owner is None:
        raise SecretMissing("The credential with the secret was deleted. Choose another one.")
    credential = credentials_for(webhook.owner, "runner").filter(pk=webhook.credential_id).first()
    if credential is None:
        raise SecretMissing("The credential with the secret is not shared with the owner of the webhook any more.")
    try:
        fields = secrets_of(credential)
    except NotOpened:
        raise SecretMissing("The credential with the secret cannot be opened. Fill it in again.") from None
    found = next((fields[name] for name in NAMES if fields.get(name)), "")
    if not found:
        raise SecretMissing("This kind of credential has no secret to sign with: take an API key or a bearer token.")
    return found
