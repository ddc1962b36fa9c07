"""Credentials on a worker's loop: found by the right of the execution's owner, opened, noted as used."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString, Protocol
from uuid import UUID

from agentflow.credentials.kinds import OAUTH2, title_of
from agentflow.credentials.sealing import NotOpened, seal
from blocks.base import BlockError
from blocks.context import Secret

logger = logging.getLogger(__name__)

#: Who may use it, as `agentflow.accounts.access` says: its owner, members of the group that owns it and of groups that it
#: is shared with, each as a runner at least; administrators.
FIND = """
    SELECT c.id, c.name, c.kind, c.hosts, c.settings, c.sealed, c.problem,
        c.expires_at < clock_timestamp() + interval '60 seconds' AS is_stale,
        coalesce(c.last_used_at < clock_timestamp() - interval '60 seconds', true) AS is_unnoted
    FROM credentials_credential c WHERE c.id = %(id)s AND (
        c.owner_id = %(user)s
        OR EXISTS (SELECT 1 FROM auth_user u WHERE u.id = %(user)s AND u.is_superuser)
        OR EXISTS (
            SELECT 1 FROM auth_user_groups m
            LEFT JOIN accounts_membership said ON said.user_id = m.user_id AND said.group_id = m.group_id
            WHERE m.user_id = %(user)s AND coalesce(said.role, 'editor') <> 'viewer' AND (
                m.group_id = c.group_id OR EXISTS (
                    SELECT 1 FROM credentials_credentialshare s
                    WHERE s.credential_id = c.id AND s.group_id = m.group_id AND s.role <> 'viewer'
                )
            )
        )
    )
"""
#: A row that is locked, because its tokens are being renewed, is noted another time.
NOTE = """
    UPDATE credentials_credential SET last_used_at = clock_timestamp(), last_used_in = %(execution)s
    WHERE id = (SELECT id FROM credentials_credential WHERE id = %(id)s FOR UPDATE SKIP LOCKED)
"""
#: Renewals of different credentials that one worker makes at once.
RENEWALS = 4

MISSING = (
    "The credential of this step is gone, or {user} may not use it. Choose another one in the step's settings, or ask "
    "its owner to share it for use with a group of {user}."
)
LOST = "“{name}” cannot be opened with the keys of this installation. Give its secrets again on the page Credentials."


class Database(Protocol):
    """The worker's connections."""

    async def rows(self, statement: LiteralString, parameters: Any = None) -> list[dict[str, Any]]:
        """The rows of a statement as dicts."""

    async def run(self, statement: LiteralString, parameters: Any = None) -> int:
        """Carry out a statement."""


class Opener:
    """Opens credentials for the runs of one worker.

    Args:
        database: the worker's connections.
        renew: asks the provider for a new access token, if the row still needs one; blocking, in a thread.
    """

    def __init__(self, database: Database, renew: Callable[[UUID], None] | None = None) -> None:
        self._database = database
        self._renew = renew or _cannot_renew
        self._threads = ThreadPoolExecutor(RENEWALS, thread_name_prefix="renewal")
        #: Renewals under way: who needs the same one waits for it.
        self._renewing: dict[UUID, asyncio.Future[None]] = {}

    async def open(
        self, id: str, kinds: Sequence[str], *, user: int, user_name: str, execution: str | None = None
    ) -> Secret:
        """The credential, opened.

        Raises:
            BlockError: the user may not use it, it is of another kind, or it cannot be opened; says what to do.
        """
        row = await self._find(id, user, user_name)
        if row["kind"] not in kinds:
            wanted = " or ".join(title_of(kind) for kind in kinds)
            raise BlockError(
                f"“{row['name']}” is of the kind {title_of(row['kind'])}; this step takes: {wanted}.", retry=False
            )
        if row["is_stale"] and row["kind"] == OAUTH2.id and not row["problem"]:
            await self._renewed(row["id"])
            row = await self._find(id, user, user_name)
        if row["problem"]:
            raise BlockError(f"“{row['name']}” cannot be used: {row['problem']}", retry=False)
        secret = opened(row)
        if row["is_unnoted"]:
            await self._database.run(NOTE, {"id": row["id"], "execution": execution})
        return secret

    def close(self) -> None:
        """Let renewals end by themselves."""
        self._threads.shutdown(wait=False)

    async def _find(self, id: str, user: int, user_name: str) -> dict[str, Any]:
        try:
            rows = await self._database.rows(FIND, {"id": UUID(id), "user": user})
        except ValueError:
            rows = []
        if not rows:
            raise BlockError(MISSING.format(user=user_name or "whoever runs this graph"), retry=False)
        return rows[0]

    async def _renewed(self, id: UUID) -> None:
        """Return when its tokens are new; a run that is stopped meanwhile stops no renewal."""
        renewal = self._renewing.get(id)
        if renewal is None:
            loop = asyncio.get_running_loop()
            renewal = self._renewing[id] = loop.run_in_executor(self._threads, self._renew, id)
            renewal.add_done_callback(lambda done: (self._renewing.pop(id, None), done.cancelled() or done.exception()))
        await asyncio.shield(renewal)


def opened(row: Mapping[str, Any]) -> Secret:
    """A row's secret.

    Raises:
        BlockError: none of the keys opens it.
    """
    try:
        fields = seal().open(row["id"], row["sealed"])
    except NotOpened as error:
        logger.error("credential not opened: %s", error, extra={"action": "not_opened", "id": str(row["id"])})
        raise BlockError(LOST.format(name=row["name"]), retry=False) from None
    is_granted = row["kind"] == OAUTH2.id
    fields = {"access_token": fields["access_token"]} if is_granted else {**row["settings"], **fields}
    return Secret(str(row["id"]), row["kind"], fields, tuple(row["hosts"]))


def _cannot_renew(id: UUID) -> None:
    raise BlockError("Its access token has expired.")
