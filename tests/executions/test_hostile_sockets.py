"""The sockets under handshakes, frames and silence that no browser sends."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from agentflow.graphs.models import Graph
from executions.hub import in_reader as db
from executions.models import Execution
from executions.sockets import Close
from tests import factories
from tests.executions import recorded
from tests.executions.sockets import ORIGIN, Socket, connected, session_of
from tests.hostile.bad import settled, texts
from tests.tracebacks import Tracebacks

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet", "fast")]

numbers = st.sampled_from([-1, 0, 1, 2, 10**6, 2**63, 2**64 - 1, 2**64, 10**400, 1.0, 1e308, True, None])
kinds = st.sampled_from(["ack", "resume", "ack", "resume", "snapshot", "", None, 1, ["ack"]]) | texts
messages = st.one_of(
    st.fixed_dictionaries({"type": st.just("ack"), "seq": st.integers(0, 4)}),
    st.fixed_dictionaries({"type": st.just("resume"), "seq": st.integers(0, 4)}),
    st.fixed_dictionaries({}, optional={"type": kinds, "seq": numbers | texts, "x": texts}),
)
frames = st.one_of(
    messages.map(lambda message: {"text": json.dumps(message)}),
    messages.map(lambda message: {"text": json.dumps(message)[:-1]}),
    texts.map(lambda text: {"text": text}),
    st.sampled_from(
        [{"text": "[" * 4_000}, {"text": "x" * 10**6}, {"text": '{"type": "ack", "type": "ack", "seq": 0}'}]
    ),
    st.binary(max_size=20).map(lambda content: {"bytes": content}),
)
raw = st.one_of(texts.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=30))
origins = raw | st.sampled_from(
    [b"http://[", b"http://[::1", b"http://localhost:99999999", b"http://localhost:x", b"null", ORIGIN.encode()]
)
cookies = raw | st.sampled_from(
    [rb'sessionid="abcdefgh\000"', b"sessionid=" + b"x" * 10_000, b"sessionid=;sessionid", rb'sessionid="\377"']
)
since = st.sampled_from([b"since=-1", b"since=" + b"9" * 5_000, b"since=%00&since=%ff", b"since=1e3", b"&&=&;"]) | raw


@pytest.fixture
def alice(transactional_db: None) -> User:
    return factories.user("alice")


@pytest.fixture
def graph(alice: User) -> Graph:
    return factories.graph(alice)


@pytest.fixture
def run(graph: Graph) -> Execution:
    made = recorded.execution(graph)
    recorded.record(made, "a", "b")
    return made


@pytest.fixture
def session(alice: User) -> str:
    return session_of(alice)


async def outcome(socket: Socket) -> int:
    """The code with which the socket is closed; 0 when it shows the whole run."""
    while (event := await socket.wire.receive_output(timeout=5))["type"] != "websocket.close":
        message = json.loads(event["text"])
        if message["type"] == "snapshot" and [row["node"] for row in message["nodes"]] == ["a", "b"]:
            return 0
    return int(event["code"])


@given(path=st.sampled_from(["executions/{run}", "graphs/{graph}", "graphs/{graph}0", "x"]), data=st.data())
@settled(30)
async def test_no_handshake_breaks_a_socket(
    run: Execution, graph: Graph, tracebacks: Tracebacks, path: str, data: st.DataObject
) -> None:
    socket = Socket(f"/ws/{path.format(run=run.pk, graph=graph.pk)}/")
    scope: dict[str, Any] = dict(socket.wire.scope)
    origin = data.draw(origins) if data.draw(st.booleans()) else ORIGIN.encode()
    headers = [(b"origin", origin), (b"cookie", data.draw(cookies))]
    scope |= {"query_string": data.draw(since), "headers": headers}
    socket.wire = type(socket.wire)(socket.wire.application, scope)
    if await socket.open():
        assert await outcome(socket) in (Close.ANONYMOUS, Close.UNKNOWN)
    await socket.close()
    tracebacks.refuse()


@given(sent=st.lists(frames, max_size=12), query=st.sampled_from(["", "?since=1", "?since=999"]))
@settled(30)
async def test_no_message_breaks_a_socket(
    run: Execution, session: str, tracebacks: Tracebacks, sent: list[Any], query: str
) -> None:
    async with connected(f"/ws/executions/{run.pk}/{query}", session) as socket:
        for frame in sent:
            await socket.wire.send_input({"type": "websocket.receive", **frame})
        await socket.send({"type": "resume", "seq": 0})
        assert await outcome(socket) in (0, Close.BAD_MESSAGE, Close.TOO_MANY)
    tracebacks.refuse()


async def test_a_graph_takes_no_messages(graph: Graph, session: str, tracebacks: Tracebacks) -> None:
    async with connected(f"/ws/graphs/{graph.pk}/", session) as socket:
        await socket.send({"type": "ack", "seq": 0})
        assert await socket.close_code() == Close.BAD_MESSAGE


async def test_who_asks_again_and_again_without_acknowledging_is_sent_no_more_than_was_asked(
    run: Execution, session: str, tracebacks: Tracebacks
) -> None:
    async with connected(f"/ws/executions/{run.pk}/", session) as socket:
        for _ in range(60):
            await socket.send({"type": "resume", "seq": 0})
        heard = 0
        while not await socket.hears_nothing():
            await socket.receive()
            heard += 1
    assert heard <= 62


async def test_a_run_that_is_deleted_with_its_graph_ends_both_sockets(
    graph: Graph, run: Execution, session: str, tracebacks: Tracebacks
) -> None:
    async with (
        connected(f"/ws/executions/{run.pk}/", session) as of_run,
        connected(f"/ws/graphs/{graph.pk}/", session) as of_graph,
    ):
        await of_run.receive()
        await of_run.acknowledge()
        await of_graph.receive()
        await db(run.delete)
        await db(graph.delete)
        assert (await of_run.close_code(), await of_graph.close_code()) == (Close.UNKNOWN, Close.UNKNOWN)
