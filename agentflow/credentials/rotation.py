"""Encrypting everything with the newest key, so that an older one can be taken away."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from agentflow.credentials.kinds import OAUTH2
from agentflow.credentials.models import Credential, KeyCheck
from agentflow.credentials.sealing import NotOpened, first_name
from agentflow.credentials.services import LOST, NOT_CONNECTED, secrets_of, store_secrets


class KeysLost(Exception):
    """Some credentials open with none of the keys; nothing was changed in them."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


#: Encrypts what another app keeps; how many there were, and the names of those that no key opens, which stay as they are.
Renew = Callable[[], tuple[int, list[str]]]

_others: dict[str, Renew] = {}


def register(name: str, renew: Renew) -> None:
    """Have it called by each rotation."""
    _others[name] = renew


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many credentials were encrypted anew, and how many were given up."""

    renewed: int
    given_up: int


def rotate(*, give_up_lost: bool = False) -> Rotated:
    """Encrypt every credential with the first key; each in a transaction of its own, so that work goes on meanwhile.

    With `give_up_lost`, those that no key opens lose their secrets, which must be given again.

    Raises:
        KeysLost: there are such, and they shall not be given up; all others were encrypted anew.
    """
    renewed = given_up = 0
    lost: list[str] = []
    for id in Credential.objects.exclude(key=first_name()).order_by().values_list("pk", flat=True):
        with transaction.atomic():
            row = Credential.objects.select_for_update().filter(pk=id).first()
            if row is None:
                continue
            try:
                store_secrets(row, secrets_of(row))
                renewed += 1
            except NotOpened:
                if not give_up_lost:
                    lost.append(row.name)
                    continue
                store_secrets(row, {})
                row.expires_at = None
                row.problem = NOT_CONNECTED if row.kind == OAUTH2.id else LOST
                given_up += 1
            row.save(update_fields=["sealed", "key", "secret_names", "expires_at", "problem"])
    for renew in _others.values():
        many, unopened = renew()
        renewed, given_up = renewed + many, given_up + (len(unopened) if give_up_lost else 0)
        lost += [] if give_up_lost else unopened
    if lost:
        raise KeysLost(lost)
    KeyCheck.objects.update_or_create(id=1, defaults={"key": first_name()})
    return Rotated(renewed, given_up)
