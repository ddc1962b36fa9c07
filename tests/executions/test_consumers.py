"""The WebSockets, through the whole ASGI application, on real services."""

import json
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentflow import wake
from agentflow.graphs.models import Graph, GraphEdit
from executions import live
from executions.engine.status import Status
from executions.hub import in_reader as db
from executions.models import Execution
from tests import factories
from tests.executions import recorded
from tests.executions.scraping import scraped
from tests.executions.sockets import Socket, connected, session_of, shown, stored
from tests.tracebacks import Tracebacks

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet")]


@pytest.fixture
def alice(transactional_db: None) -> User:
    return factories.user("alice")


@pytest.fixture
def graph(alice: User) -> Graph:
    return factories.graph(alice, name="Digest")


@pytest.fixture
def run(graph: Graph) -> Execution:
    return recorded.execution(graph)


@pytest.fixture
def address(run: Execution) -> str:
    return f"/ws/executions/{run.pk}/"


@pytest.fixture
def session(alice: User) -> str:
    return session_of(alice)


async def refused(address: str, session: str) -> int:
    socket = Socket(address, session)
    assert await socket.open()
    return await socket.close_code()


async def test_nobody_is_told_to_log_in(address: str) -> None:
    assert await refused(address, "") == 4401


async def test_unknown_session_is_told_to_log_in(address: str) -> None:
    assert await refused(address, "abc") == 4401


async def test_session_with_a_null_character_is_told_to_log_in(address: str, tracebacks: Tracebacks) -> None:
    assert await refused(address, r'"abcdefgh\000"') == 4401


async def test_stranger_is_told_the_same_as_for_what_does_not_exist(address: str) -> None:
    session = await db(session_of, await db(factories.user, "charlie"))
    assert await refused(address, session) == 4404
    assert await refused(f"/ws/executions/{uuid4()}/", session) == 4404
    assert await refused("/ws/elsewhere/", session) == 4404


async def test_viewer_of_a_shared_graph_may_watch(address: str, graph: Graph) -> None:
    bob = await db(factories.user, "bob")
    await db(factories.share, graph, bob)
    async with connected(address, await db(session_of, bob)) as socket:
        assert (await socket.receive())["type"] == "snapshot"


@pytest.mark.parametrize(
    "origin",
    [None, "http://evil.example", "null", "http://localhost.evil.example", "http://[", "http://localhost:99999999"],
)
async def test_other_and_missing_origins_are_refused(address: str, session: str, origin: str | None) -> None:
    assert not await Socket(address, session, origin).open()


async def test_snapshot_comes_first_then_frames_with_what_changed(address: str, session: str, run: Execution) -> None:
    await db(recorded.record, run, "a", "b")
    async with connected(address, session) as socket:
        first = await socket.receive()
        assert (first["type"], first["seq"], len(first["nodes"])) == ("snapshot", 2, 2)
        await socket.acknowledge()
        await db(recorded.record, run, "a", status=Status.COMPLETED)
        recorded.ring(run)
        second = await socket.receive()
        assert (second["type"], [row["node"] for row in second["nodes"]]) == ("frame", ["a"])


async def test_open_sockets_their_frames_and_how_late_these_are_can_be_scraped(
    address: str, session: str, run: Execution
) -> None:
    before = await db(scraped)
    async with connected(address, session) as socket:
        await socket.receive()
        await socket.acknowledge()
        await db(recorded.record, run, "a")
        recorded.ring(run)
        await socket.receive()
        during = await db(scraped)
    after = await db(scraped)
    assert [values["agentflow_live_sockets"] for values in (before, during, after)] == [0, 1, 0]
    assert during["agentflow_live_frames_total"] - before["agentflow_live_frames_total"] >= 2
    late = "agentflow_live_lag_seconds"
    assert during[f"{late}_count"] - before[f"{late}_count"] >= 1
    assert 0 < during[f"{late}_sum"] - before[f"{late}_sum"] < 5


async def test_missed_wake_up_is_made_good_by_the_timer(address: str, session: str, run: Execution, fast: None) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        await socket.acknowledge()
        await db(recorded.record, run, "a")
        assert (await socket.receive())["nodes"][0]["node"] == "a"


async def test_change_of_the_execution_alone_is_shown(address: str, session: str, run: Execution, fast: None) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        await socket.acknowledge()
        await db(Execution.objects.filter(pk=run.pk).update, cancel_requested_at="2026-01-01T00:00:00Z")
        assert (await socket.receive())["execution"]["cancel_requested"] is True


async def test_silent_client_gets_two_frames_and_then_one_with_all_it_missed(
    address: str, session: str, run: Execution, fast: None
) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        await db(recorded.record, run, "a")
        await socket.receive()
        for node in "bcd":
            await db(recorded.record, run, node)
            recorded.ring(run)
        assert await socket.hears_nothing()
        await socket.acknowledge()
        assert [row["node"] for row in (await socket.receive())["nodes"]] == ["b", "c", "d"]


async def test_client_that_never_acknowledges_is_told_to_come_back(
    address: str, session: str, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executions.flow.PATIENCE_SECONDS", 0.1)
    async with connected(address, session) as socket:
        assert await socket.close_code() == 4408


async def test_long_history_comes_in_chunks(
    address: str, session: str, run: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CHUNK_ROWS", 3)
    await db(recorded.record, run, *"abcdefgh")
    async with connected(address, session) as socket:
        while not socket.seq or socket.seq < socket.head:
            assert len((await socket.receive())["nodes"]) <= 3
            await socket.acknowledge()
        assert shown(socket) == await db(stored, run)


async def test_reconnecting_client_is_told_only_what_it_missed(address: str, session: str, run: Execution) -> None:
    await db(recorded.record, run, "a", "b", "c")
    async with connected(f"{address}?since=2", session) as socket:
        message = await socket.receive()
        assert (message["type"], [row["node"] for row in message["nodes"]]) == ("snapshot", ["c"])


async def test_client_may_ask_again_from_any_number(address: str, session: str, run: Execution) -> None:
    await db(recorded.record, run, "a", "b", "c")
    async with connected(address, session) as socket:
        await socket.receive()
        await socket.send({"type": "resume", "seq": 1})
        message = await socket.receive()
        assert (message["type"], [row["node"] for row in message["nodes"]]) == ("snapshot", ["b", "c"])


async def test_finished_execution_stays_open_and_quiet(address: str, session: str, run: Execution, fast: None) -> None:
    await db(recorded.finish, run)
    async with connected(address, session) as socket:
        assert (await socket.receive())["execution"]["status"] == "completed"
        await socket.acknowledge()
        assert await socket.hears_nothing()


async def test_progress_is_passed_through(address: str, session: str, run: Execution) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        await socket.acknowledge()
        message = {"node": "a", "path": [], "progress": 0.5, "text": "half"}
        while await socket.hears_nothing(0.1):  # until the subscription is there
            wake.ring(wake.WAKE_CHANNEL, f"t:{run.pk}:{json.dumps(message)}")
        assert await socket.receive() == {"type": "transient", **message}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '"ack"', "{}", '{"type": "ack"}', '{"type": "ack", "seq": -1}', '{"type": "ack", "seq": true}']
    + ['{"type": "ack", "seq": 1000}', '{"type": "dance", "seq": 1}', " " * 5000],
)
async def test_nonsense_ends_the_socket(address: str, session: str, text: str) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        await socket.send_text(text)
        assert await socket.close_code() == 4400


async def test_bytes_end_the_socket(address: str, session: str) -> None:
    async with connected(address, session) as socket:
        await socket.wire.send_input({"type": "websocket.receive", "bytes": b"{}"})
        assert await socket.close_code() == 4400


async def test_flood_ends_the_socket(address: str, session: str) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        for _ in range(300):
            await socket.acknowledge()
        assert await socket.close_code() == 4429


async def test_too_many_sockets_of_one_user_are_refused(
    address: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executions.seats.MOST_SEATS", 1)
    async with connected(address, session) as socket:
        await socket.receive()
        assert await refused(address, session) == 4429
    async with connected(address, session) as socket:
        assert await socket.receive()


@pytest.fixture
def checked_often(fast: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.sockets.CHECK_SECONDS", 0.05)


async def test_logout_ends_the_socket(address: str, session: str, checked_often: None) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        await db(Session.objects.all().delete)
        assert await socket.close_code() == 4401


async def test_withdrawn_share_ends_the_socket(address: str, graph: Graph, checked_often: None) -> None:
    bob = await db(factories.user, "bob")
    share = await db(factories.share, graph, bob)
    async with connected(address, await db(session_of, bob)) as socket:
        await socket.receive()
        await db(share.delete)
        assert await socket.close_code() == 4404


async def test_inactive_user_is_sent_away(address: str, session: str, alice: User, checked_often: None) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        await db(User.objects.filter(pk=alice.pk).update, is_active=False)
        assert await socket.close_code() == 4401


async def test_deleted_execution_ends_the_socket(address: str, session: str, run: Execution, fast: None) -> None:
    async with connected(address, session) as socket:
        await socket.receive()
        await socket.acknowledge()
        await db(run.delete)
        assert await socket.close_code() == 4404


async def test_database_error_is_a_pause(
    address: str, session: str, run: Execution, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    read, failures = live.read_changes, iter([True, True])

    def failing(*args):
        if next(failures, False):
            raise OperationalError("away")
        return read(*args)

    monkeypatch.setattr("executions.consumers.read_changes", failing)
    async with connected(address, session) as socket:
        assert (await socket.receive())["type"] == "snapshot"


def edit(graph: Graph) -> None:
    revision = Graph.objects.get(pk=graph.pk).revision + 1
    GraphEdit.objects.create(graph=graph, revision=revision, edit_id=uuid4(), author=graph.owner, operations=[])
    Graph.objects.filter(pk=graph.pk).update(revision=revision)


async def test_graph_greets_with_missed_edits_and_latest_runs(graph: Graph, session: str, run: Execution) -> None:
    await db(edit, graph)
    await db(edit, graph)
    async with connected(f"/ws/graphs/{graph.pk}/?since=1", session) as socket:
        edits, executions = await socket.receive(), await socket.receive()
        assert (edits["revision"], [one["revision"] for one in edits["edits"]]) == (2, [2])
        assert [one["id"] for one in executions["executions"]] == [str(run.pk)]


async def test_graph_tells_of_edits_and_of_runs_that_start_and_end(graph: Graph, session: str, fast: None) -> None:
    async with connected(f"/ws/graphs/{graph.pk}/", session) as socket:
        await socket.receive()
        await socket.receive()
        await db(edit, graph)
        assert [one["revision"] for one in (await socket.receive())["edits"]] == [1]
        run = await db(recorded.execution, graph)
        assert (await socket.receive())["executions"][0]["status"] == "running"
        await db(recorded.finish, run)
        assert (await socket.receive())["executions"][0]["status"] == "completed"
        assert await socket.hears_nothing()


async def test_graph_tells_of_the_end_of_a_run_that_is_no_longer_recent(
    graph: Graph, session: str, run: Execution, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RECENT", 1)
    async with connected(f"/ws/graphs/{graph.pk}/", session) as socket:
        await socket.receive()
        await socket.receive()
        await db(recorded.execution, graph, status=Status.COMPLETED)
        await socket.receive()
        await db(recorded.finish, run)
        assert [one["id"] for one in (await socket.receive())["executions"]] == [str(run.pk)]


async def test_graph_of_a_stranger_does_not_exist(graph: Graph) -> None:
    session = await db(session_of, await db(factories.user, "charlie"))
    assert await refused(f"/ws/graphs/{graph.pk}/", session) == 4404
    assert await refused("/ws/graphs/99999999999999999999/", session) == 4404


STEPS = st.one_of(
    st.tuples(st.just("commit"), st.sampled_from("abcd"), st.sampled_from([Status.RUNNING, Status.COMPLETED])),
    st.tuples(st.sampled_from(["ring", "receive", "acknowledge", "reconnect", "kill", "cancel"])),
)


@pytest.mark.usefixtures("fast")
@given(steps=st.lists(STEPS, max_size=25), chunk=st.integers(1, 5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_client_always_ends_with_what_the_database_holds(
    graph: Graph, session: str, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, ...]], chunk: int
) -> None:
    monkeypatch.setattr(live, "CHUNK_ROWS", chunk)
    run = await db(recorded.execution, graph)
    socket = await reopened(run, session)
    for step, *arguments in steps:
        if step == "commit":
            await db(recorded.record, run, arguments[0], status=Status(arguments[1]))
        elif step == "ring":
            recorded.ring(run)
        elif step == "receive" and not await socket.hears_nothing(0.02):
            await socket.receive()
        elif step == "acknowledge":
            await socket.acknowledge()
        elif step == "reconnect":
            await socket.close()
            socket = await reopened(run, session, socket)
        elif step == "kill":
            recorded.cut_subscriptions()
        elif step == "cancel":
            await db(Execution.objects.filter(pk=run.pk).update, cancel_requested_at="2026-01-01T00:00:00Z")
    await db(recorded.finish, run)
    while socket.execution.get("status") != "completed" or socket.seq < socket.head:
        await socket.acknowledge()
        await socket.receive()
    await socket.close()
    assert shown(socket) == await db(stored, run)
    assert socket.seq == run.seq


async def reopened(run: Execution, session: str, before: Socket | None = None) -> Socket:
    """A new connection that goes on where the last one was, knowing what that one knew."""
    socket = Socket(f"/ws/executions/{run.pk}/?since={before.seq if before else 0}", session)
    assert await socket.open()
    if before:
        socket.rows, socket.seq, socket.head, socket.execution = before.rows, before.seq, before.head, before.execution
    return socket
