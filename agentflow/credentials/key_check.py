"""Whether the keys of this installation are those of its database: asked before anything starts."""

import logging

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from agentflow.credentials.models import Credential, KeyCheck
from agentflow.credentials.sealing import first_name, names
from agentflow.database.limits import is_away

logger = logging.getLogger(__name__)

WRONG_KEYS = (
    "The credentials in the database were encrypted with another key than the ones that this process has "
    "(AGENTFLOW_CREDENTIAL_KEYS, or the file credential-keys in AGENTFLOW_DATA). Put the old key back, behind the new "
    "one if there is one. If it is lost for ever: manage.py rotate_credential_keys --give-up-lost"
)


def lost_keys() -> set[str]:
    """Names of keys that encrypted something here and that this process does not have."""
    if not _is_migrated():
        return set()
    used = {*Credential.objects.exclude(key="").order_by().values_list("key", flat=True).distinct()}
    used.update(KeyCheck.objects.values_list("key", flat=True))
    return used - set(names())


def at_start() -> None:
    """`require_keys` for a process that begins; no connection is left behind."""
    try:
        require_keys()
    finally:
        connection.close()


def require_keys() -> None:
    """Start only with the right keys; the first start writes down which they are.

    A database that is away is no reason: without it nothing can be opened either.

    Raises:
        ImproperlyConfigured: they are others.
    """
    try:
        if _is_migrated():
            KeyCheck.objects.bulk_create([KeyCheck(id=1, key=first_name())], ignore_conflicts=True)
            if lost_keys():
                raise ImproperlyConfigured(WRONG_KEYS)
    except Exception as error:
        if not is_away(error):
            raise
        logger.warning("keys of credentials not checked: %s", error, extra={"action": "keys_unchecked"})


def _is_migrated() -> bool:
    """A release before this one knew no credentials."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('credentials_keycheck') IS NOT NULL")
        (there,) = cursor.fetchone()
        return bool(there)
