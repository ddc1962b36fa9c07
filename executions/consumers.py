"""The WebSockets: `/ws/executions/<uuid>/` shows one run, `/ws/graphs/<id>/` a graph's edits and runs."""

from collections.abc import Mapping
from time import monotonic
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from executions.access import sees_execution, sees_graph
from executions.flow import Flow, FlowError
from executions.hub import POLL_SECONDS, QUIET_POLL_SECONDS, Follower
from executions.live import Changes, Shown, read_changes, read_edits, read_executions, read_recent
from executions.sockets import Close, Closed, LiveConsumer, number


class ExecutionConsumer(LiveConsumer):
    """One run: a snapshot, then frames by `seq`; at most two that the client has not acknowledged."""

    kind = "e"

    async def connect(self) -> None:
        self.flow = Flow(since=number(self.scope, "since"))
        self.shown: str | None = None
        #: The tick whose news have all been sent.
        self.done = -1
        await super().connect()

    def hear(self, message: Mapping[str, Any]) -> None:
        """`{"type": "ack", "seq": n}` or `{"type": "resume", "seq": n}`."""
        kind, seq = message.get("type"), message.get("seq")
        if type(seq) is not int or seq < 0 or kind not in ("ack", "resume"):
            raise Closed(Close.BAD_MESSAGE)
        if kind == "resume":
            self.flow.resume(seq)
            self.shown, self.done = None, -1
        else:
            try:
                self.flow.acknowledged(seq)
            except FlowError:
                raise Closed(Close.BAD_MESSAGE) from None
        if self.follower is not None:
            self.follower.rung.set()

    def sees(self, user: User) -> bool:
        """Executions are visible to who sees their graph."""
        return sees_execution(user, self.id)

    def deadline(self) -> float | None:
        """When the oldest frame under way has waited too long."""
        return self.flow.deadline()

    async def show(self, follower: Follower) -> None:
        """Send frames until nothing is new or two are unacknowledged; then transient messages."""
        if self.flow.is_overdue(monotonic()):
            raise Closed(Close.RESUME)
        while self.flow.may_send and (self.done != follower.topic.tick or self.flow.wants_acknowledgement):
            await self._show_changes(follower)
        for text in follower.take_transients() if self.flow.may_send_transient else ():
            self.flow.transients += 1
            await self.send(text_data=text)

    async def _show_changes(self, follower: Follower) -> None:
        tick, since = follower.topic.tick, self.flow.since
        changes = await follower.topic.shared(read_changes, self.id, since)
        if changes is None:
            raise Closed(Close.UNKNOWN)
        if since != self.flow.since:  # the client asked to resume from elsewhere meanwhile
            return
        follower.topic.poll_seconds = QUIET_POLL_SECONDS if changes.is_final else POLL_SECONDS
        if self._is_news(changes):
            await self._send_frame(changes)
        if changes.is_complete:
            self.done = tick

    def _is_news(self, changes: Changes) -> bool:
        return changes.is_news(self.flow.since, self.shown or "") or self.flow.wants_acknowledgement

    async def _send_frame(self, changes: Changes) -> None:
        kind = "snapshot" if self.shown is None else "frame"
        self.shown = changes.execution
        self.flow.sent(changes.seq, monotonic())
        await self.tell(changes.message(kind), is_late=kind == "frame")


class GraphConsumer(LiveConsumer):
    """A graph that somebody has open: other people's edits, and its runs as they start and end."""

    kind = "g"

    async def connect(self) -> None:
        self.revision = number(self.scope, "since")
        #: What the client was last told of each run.
        self.told: dict[UUID, Shown] = {}
        self.greeted = False
        self.done = -1
        await super().connect()

    def sees(self, user: User) -> bool:
        """Whoever sees the graph sees its edits."""
        return sees_graph(user, self.id)

    async def show(self, follower: Follower) -> None:
        """Send edits after the client's revision and runs that changed since it was told of them."""
        tick = follower.topic.tick
        if self.done == tick:
            return
        await self._show_edits(follower)
        await self._show_executions(follower)
        self.greeted, self.done = True, tick

    async def _show_edits(self, follower: Follower) -> None:
        more = True
        while more:
            edits = await follower.topic.shared(read_edits, self.id, self.revision)
            if edits is None:
                raise Closed(Close.UNKNOWN)
            if edits.count or not self.greeted:
                await self.tell(edits.text, is_late=self.greeted)
            self.revision, more = edits.revision, edits.more

    async def _show_executions(self, follower: Follower) -> None:
        found = await follower.topic.shared(read_recent, self.id)
        gone = tuple(id for id, told in self.told.items() if not told.is_final and id not in found)
        ended = await follower.topic.shared(read_executions, gone) if gone else {}
        shown = {**found, **ended}
        news = [execution.text for id, execution in shown.items() if self.told.get(id) != execution]
        self.told = {id: execution for id, execution in shown.items() if id in found or not execution.is_final}
        if news or not self.greeted:
            await self.tell(f'{{"type":"executions","executions":[{",".join(news)}]}}', is_late=self.greeted)
