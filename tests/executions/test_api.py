"""Executions through the API."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agentflow.accounts.models import ApiToken, Scope
from agentflow.graphs.models import Graph, GraphVersion, Link, Node, Role
from executions import live
from executions.api.starting import wait_seconds
from executions.engine.status import Status
from executions.hub import in_reader as db
from executions.ids import node_execution_id
from executions.models import Blob, Execution, NodeExecution, Output
from executions.values import blob_name
from tests import factories
from tests.executions import recorded
from tests.executions.sockets import session_of

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

API = "/api/v1"


def echo_of(owner: User) -> Graph:
    """A graph that gives its input `text` back as `said`."""
    made = Graph.objects.create(owner=owner, name="Echo")
    ask = Node.objects.create(graph=made, key="ask", block="io.input", config={"name": "text", "type": "text"})
    say = Node.objects.create(graph=made, key="say", block="io.output", config={"name": "said"})
    Link.objects.create(graph=made, source=ask, source_port="value", sink=say, sink_port="value")
    return made


@pytest.fixture
def echo(alice: User) -> Graph:
    return echo_of(alice)


@pytest.fixture
def run(echo: Graph) -> Execution:
    return recorded.execution(echo)


def start(client: APIClient, graph: Graph, body: Any = None, **headers: str) -> Any:
    given = {"inputs": {"text": "hello"}} if body is None else body
    return client.post(f"{API}/graphs/{graph.pk}/execute/", given, format="json", headers=headers)


def test_start_answers_at_once_with_the_execution(alice_api: APIClient, echo: Graph) -> None:
    answer = start(alice_api, echo)
    assert answer.status_code == 202
    row = answer.json()
    assert (row["status"], row["version"], row["trigger"], row["outputs"]) == ("queued", 1, "manual", {})
    assert answer.headers["Location"] == row["url"] == f"http://testserver{API}/executions/{row['id']}/"


def test_start_with_wrong_inputs_says_where(alice_api: APIClient, echo: Graph) -> None:
    answer = start(alice_api, echo, {"inputs": {"text": "a", "other": 1}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/inputs/other"
    assert not Execution.objects.exists()


def test_start_of_a_broken_graph_says_where(alice_api: APIClient, alice: User) -> None:
    broken = factories.graph(alice, "a", block="no.such")
    answer = start(alice_api, broken, {})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("#/nodes/0")


@pytest.mark.parametrize("body", [[], "text", {"inputs": []}, {"inputs": 3}, {"version": "x"}, {"version": 0}])
def test_start_refuses_what_is_no_start(alice_api: APIClient, echo: Graph, body: Any) -> None:
    assert start(alice_api, echo, body).status_code == 400


def test_start_of_a_version_that_is_not_there_is_404(alice_api: APIClient, echo: Graph) -> None:
    assert start(alice_api, echo, {"version": 7}).status_code == 404


def test_same_key_and_body_give_the_same_execution(alice_api: APIClient, echo: Graph) -> None:
    first = start(alice_api, echo, **{"Idempotency-Key": "k"}).json()
    again = start(alice_api, echo, **{"Idempotency-Key": "k"}).json()
    assert first["id"] == again["id"]
    assert Execution.objects.count() == 1


def test_same_key_with_another_body_is_a_conflict(alice_api: APIClient, echo: Graph) -> None:
    start(alice_api, echo, **{"Idempotency-Key": "k"})
    answer = start(alice_api, echo, {"inputs": {"text": "other"}}, **{"Idempotency-Key": "k"})
    assert answer.status_code == 409


def test_long_key_is_refused(alice_api: APIClient, echo: Graph) -> None:
    assert start(alice_api, echo, **{"Idempotency-Key": "k" * 201}).status_code == 400


def test_viewer_may_not_start_and_a_stranger_sees_nothing(
    bob_api: APIClient, charlie_api: APIClient, bob: User, echo: Graph
) -> None:
    factories.share(echo, bob)
    assert start(bob_api, echo).status_code == 403
    assert start(charlie_api, echo).status_code == 404


def token_client(user: User, scope: Scope) -> APIClient:
    client = APIClient()
    token: Any = ApiToken(user=user, scope=scope)
    client.force_authenticate(user, token=token)
    return client


@pytest.fixture
def published(alice_api: APIClient, echo: Graph) -> Graph:
    """A graph whose version 1 is published, and whose draft has changed since."""
    start(alice_api, echo)
    Graph.objects.filter(pk=echo.pk).update(published=GraphVersion.objects.get(graph=echo), revision=99)
    Node.objects.filter(graph=echo, key="say").update(title="Changed")
    return echo


def test_token_runs_the_draft_of_a_graph_that_is_not_published(alice: User, echo: Graph) -> None:
    answer = start(token_client(alice, Scope.RUN), echo).json()
    assert (answer["trigger"], answer["version"]) == ("api", 1)


def test_token_runs_the_published_version_unless_told_otherwise(alice: User, published: Graph) -> None:
    client = token_client(alice, Scope.RUN)
    assert start(client, published).json()["version"] == 1
    assert start(client, published, {"inputs": {"text": "hi"}, "draft": True}).json()["version"] == 2
    assert start(client, published, {"inputs": {"text": "hi"}, "version": 1}).json()["version"] == 1


def test_editor_runs_the_draft_unless_told_otherwise(alice_api: APIClient, published: Graph) -> None:
    answer = start(alice_api, published).json()
    assert (answer["trigger"], answer["version"]) == ("manual", 2)
    assert start(alice_api, published, {"inputs": {"text": "hi"}, "draft": False}).json()["version"] == 1


def test_reading_token_may_not_start(alice: User, echo: Graph) -> None:
    assert start(token_client(alice, Scope.READ), echo).status_code == 403


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [("", 0), ("wait=10", 10), ("respond-async, wait=10", 10), ("wait=600", 60), ("await=3", 0), ("wait=x", 0)],
)
def test_prefer_header_is_read(prefer: str, seconds: int) -> None:
    assert wait_seconds(prefer) == seconds


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quiet")
async def test_waiting_start_answers_when_it_is_over(fast: None) -> None:
    client, echo = await logged_in_with_echo()
    request = asyncio.create_task(start_waiting(client, echo, 5))
    while (run := await db(Execution.objects.first)) is None:
        pass
    await db(recorded.finish, run, outputs={"said": "hello"})
    recorded.ring(run)
    answer = await request
    assert (answer.status_code, answer.json()["outputs"]) == (200, {"said": "hello"})
    assert answer.headers["Preference-Applied"] == "wait=5"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quiet")
async def test_waiting_start_gives_up_in_time(fast: None) -> None:
    client, echo = await logged_in_with_echo()
    answer = await start_waiting(client, echo, 1)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


async def logged_in_with_echo() -> tuple[AsyncClient, Graph]:
    alice = await db(factories.user, "alice")
    client = AsyncClient()
    client.cookies[settings.SESSION_COOKIE_NAME] = await db(session_of, alice)
    return client, await db(echo_of, alice)


async def start_waiting(client: AsyncClient, graph: Graph, seconds: int) -> Any:
    return await client.post(
        f"{API}/graphs/{graph.pk}/execute/",
        json.dumps({"inputs": {"text": "hello"}}),
        content_type="application/json",
        headers={"Prefer": f"wait={seconds}"},
    )


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["results"]]


def test_list_shows_executions_of_visible_graphs_newest_first(
    alice_api: APIClient, bob_api: APIClient, charlie_api: APIClient, bob: User, echo: Graph
) -> None:
    runs = [str(recorded.execution(echo).pk) for _ in range(3)]
    factories.share(echo, bob)
    assert ids(alice_api.get(f"{API}/executions/")) == runs[::-1]
    assert ids(bob_api.get(f"{API}/executions/")) == runs[::-1]
    assert ids(charlie_api.get(f"{API}/executions/")) == []


def test_list_is_filtered(alice_api: APIClient, alice: User, echo: Graph) -> None:
    done = recorded.execution(echo, status=Status.COMPLETED, trigger="api")
    failed = recorded.execution(echo, status=Status.FAILED)
    other = recorded.execution(factories.graph(alice))
    assert ids(alice_api.get(f"{API}/executions/?graph={echo.pk}")) == [str(failed.pk), str(done.pk)]
    assert ids(alice_api.get(f"{API}/executions/?status=failed,running")) == [str(other.pk), str(failed.pk)]
    assert ids(alice_api.get(f"{API}/executions/?status=failed&status=completed&trigger=api")) == [str(done.pk)]


@pytest.mark.parametrize("query", ["status=dancing", "graph=x", "graph=-1", "trigger=%00"])
def test_nonsense_in_the_query_is_400(alice_api: APIClient, query: str) -> None:
    assert alice_api.get(f"{API}/executions/?{query}").status_code == 400


@pytest.mark.parametrize("cursor", ["x", "cD14", "cD0xMjM="])
def test_cursor_that_we_never_gave_is_404(alice_api: APIClient, cursor: str) -> None:
    assert alice_api.get(f"{API}/executions/?cursor={cursor}").status_code == 404


def test_list_goes_on_behind_its_cursor(alice_api: APIClient, echo: Graph) -> None:
    runs = [str(recorded.execution(echo).pk) for _ in range(3)]
    first = alice_api.get(f"{API}/executions/?page_size=2")
    assert ids(first) == runs[:0:-1]
    assert ids(alice_api.get(first.json()["next"])) == runs[:1]


def test_list_takes_as_many_queries_for_one_as_for_twenty_and_reads_no_payload(
    alice_api: APIClient, echo: Graph
) -> None:
    recorded.execution(echo)
    with CaptureQueriesContext(connection) as one:
        alice_api.get(f"{API}/executions/")
    for _ in range(19):
        recorded.execution(echo)
    with CaptureQueriesContext(connection) as twenty:
        alice_api.get(f"{API}/executions/")
    assert len(one) == len(twenty)
    assert not any(f'"{name}"' in query["sql"] for query in twenty for name in ("inputs", "outputs", "events", "spec"))


def test_detail_shows_what_went_in_and_came_out(alice_api: APIClient, echo: Graph) -> None:
    event = {"at": "2026-01-01T00:00:00Z", "kind": "resumed", "text": "Resumed on w", "seq": 3}
    run = recorded.execution(echo, status=Status.COMPLETED, inputs={"text": "a"}, outputs={"said": "a"}, events=[event])
    row = alice_api.get(f"{API}/executions/{run.pk}/").json()
    assert (row["inputs"], row["outputs"], row["events"]) == ({"text": "a"}, {"said": "a"}, [event])
    assert row["counts"]["total"] == 0
    assert alice_api.get(f"{API}/executions/{run.pk}/outputs/").json() == {"said": "a"}


@pytest.mark.parametrize("path", ["", "nodes/", "outputs/", "events/"])
def test_strangers_get_the_answer_for_what_does_not_exist(charlie_api: APIClient, run: Execution, path: str) -> None:
    hidden = charlie_api.get(f"{API}/executions/{run.pk}/{path}")
    absent = charlie_api.get(f"{API}/executions/{uuid4()}/{path}")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json() == absent.json()


def test_node_rows_since_a_number(alice_api: APIClient, run: Execution) -> None:
    recorded.record(run, "a", "b", "c")
    page = alice_api.get(f"{API}/executions/{run.pk}/nodes/?since=1&limit=1").json()
    assert ([row["node"] for row in page["results"]], page["seq"], page["head"]) == (["b"], 2, 3)
    rest = alice_api.get(f"{API}/executions/{run.pk}/nodes/?since=2").json()
    assert ([row["node"] for row in rest["results"]], rest["seq"]) == (["c"], 3)


def test_node_rows_are_the_rows_that_sockets_send(alice_api: APIClient, run: Execution) -> None:
    recorded.record(run, "a", queued_at="2026-01-01T00:00:00.5Z")
    changes = live.read_changes(run.pk, 0)
    assert changes is not None
    page = alice_api.get(f"{API}/executions/{run.pk}/nodes/").json()
    assert page["results"] == json.loads(changes.message("frame"))["nodes"]


@pytest.fixture
def told(alice: User) -> Execution:
    """`ask` gave a dict, of which `say` got a member."""
    graph = Graph.objects.create(owner=alice, name="Told")
    spec = {
        "nodes": [
            {"key": "ask", "block": "io.input", "config": {"name": "it", "type": "any"}},
            {"key": "say", "block": "io.output", "config": {"name": "said"}},
        ],
        "links": [{"source": "ask", "source_port": "value.name", "sink": "say", "sink_port": "value"}],
    }
    recorded.version(graph, spec)
    run = recorded.execution(graph)
    recorded.record(run, "ask", status=Status.COMPLETED)
    given = recorded.emit(run, "ask", "value", {"name": "Ada", "age": 36})
    recorded.record(
        run,
        "say",
        status=Status.COMPLETED,
        arrivals=[[0, given.seq]],
        log=[[0.5, "info", "said it"]],
        started_at="2026-01-01T00:00:00Z",
    )
    return run


def node_address(run: Execution, node: str) -> str:
    return f"{API}/executions/{run.pk}/nodes/{node_execution_id(run.pk, node, (), 0)}/"


def test_node_detail_shows_the_inputs_that_arrived(alice_api: APIClient, told: Execution) -> None:
    row = alice_api.get(node_address(told, "say")).json()
    assert row["inputs"] == {"name": "said", "value": "Ada"}
    assert row["log"] == [{"at": "2026-01-01T00:00:00.500000Z", "level": "info", "message": "said it"}]
    assert row["input_error"] == ""


def test_node_detail_shows_the_outputs(alice_api: APIClient, told: Execution) -> None:
    (output,) = alice_api.get(node_address(told, "ask")).json()["outputs"]
    assert output == {"index": 0, "port": "value", "value": {"name": "Ada", "age": 36}, "size": 23, "truncated": False}


def test_inputs_of_a_version_that_no_longer_compiles_say_why(alice_api: APIClient, told: Execution) -> None:
    Output.objects.all().delete()
    NodeExecution.objects.filter(node="say").update(node="gone")
    row = NodeExecution.objects.get(node="gone")
    found = alice_api.get(f"{API}/executions/{told.pk}/nodes/{row.pk}/").json()
    assert found["inputs"] == {}
    assert "no such node" in found["input_error"]


def test_large_values_are_cut_and_whole_at_their_own_address(alice_api: APIClient, told: Execution) -> None:
    text = json.dumps([{"name": "x" * 50}] * 4_000).encode()
    blob = Blob.objects.create(sha256="a" * 64, size=len(text), storage_name=blob_name("a" * 64))
    default_storage.save(blob_name("a" * 64), ContentFile(text))
    ask = NodeExecution.objects.get(node="ask")
    Output.objects.create(execution=told, seq=90, node_execution=ask, index=1, port="value", blob=blob)
    shown = alice_api.get(node_address(told, "ask")).json()["outputs"][1]
    assert (shown["truncated"], shown["size"] > 65_536, len(shown["value"])) == (True, True, 100)
    assert len(json.dumps(shown)) < 70_000
    assert alice_api.get(shown["url"]).content == text


def test_outputs_of_a_stream_come_in_pages(
    alice_api: APIClient, told: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executions.api.inspection.MOST_OUTPUTS", 2)
    for index in range(1, 4):
        recorded.emit(told, "ask", "value", index, index=index)
    first = alice_api.get(node_address(told, "ask")).json()
    assert ([output["index"] for output in first["outputs"]], first["more_outputs"]) == ([0, 1], True)
    rest = alice_api.get(f"{node_address(told, 'ask')}?after=1").json()
    assert ([output["index"] for output in rest["outputs"]], rest["more_outputs"]) == ([2, 3], False)


def test_stranger_sees_no_node(charlie_api: APIClient, told: Execution) -> None:
    assert charlie_api.get(node_address(told, "ask")).status_code == 404
    assert charlie_api.get(f"{node_address(told, 'ask')}outputs/0/").status_code == 404


def test_node_of_another_execution_is_404(alice_api: APIClient, told: Execution, run: Execution) -> None:
    other = node_execution_id(told.pk, "ask", (), 0)
    assert alice_api.get(f"{API}/executions/{run.pk}/nodes/{other}/").status_code == 404


def test_cancel_ends_an_execution_that_nobody_holds(alice_api: APIClient, echo: Graph) -> None:
    run = recorded.execution(echo, status=Status.QUEUED)
    answer = alice_api.post(f"{API}/executions/{run.pk}/cancel/")
    assert (answer.status_code, answer.json()["cancel_requested"]) == (202, True)


def test_viewer_may_not_cancel_but_a_runner_may(bob_api: APIClient, bob: User, run: Execution) -> None:
    share = factories.share(run.graph, bob)
    assert bob_api.post(f"{API}/executions/{run.pk}/cancel/").status_code == 403
    share.role = Role.RUNNER
    share.save()
    assert bob_api.post(f"{API}/executions/{run.pk}/cancel/").status_code == 202


def test_rerun_starts_the_same_again(alice_api: APIClient, echo: Graph) -> None:
    run = recorded.execution(echo, status=Status.COMPLETED, inputs={"text": "again"})
    answer = alice_api.post(f"{API}/executions/{run.pk}/rerun/")
    made = Execution.objects.get(pk=answer.json()["id"])
    assert (answer.status_code, made.inputs, made.version_id, made.pk != run.pk) == (
        202,
        {"text": "again"},
        run.version_id,
        True,
    )


async def events_of(client: AsyncClient, run: Execution, **headers: str) -> Any:
    return await client.get(f"{API}/executions/{run.pk}/events/", headers={"Accept": "text/event-stream", **headers})


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quiet")
async def test_event_stream_shows_frames_until_the_end(fast: None) -> None:
    client, echo = await logged_in_with_echo()
    run = await db(recorded.execution, echo)
    await db(recorded.record, run, "a")
    answer = await events_of(client, run)
    parts = aiter(answer.streaming_content)
    first = (await anext(parts)).decode()
    assert first.startswith("id: 1\nevent: frame\ndata: {")
    await db(recorded.record, run, "b")
    await db(recorded.finish, run)
    rest = b"".join([part async for part in parts]).decode()
    assert '"status":"completed"' in rest
    assert rest.endswith("event: end\ndata: {}\n\n")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quiet")
async def test_event_stream_goes_on_behind_the_last_event(fast: None) -> None:
    client, echo = await logged_in_with_echo()
    run = await db(recorded.execution, echo)
    await db(recorded.record, run, "a", "b")
    await db(recorded.finish, run)
    answer = await events_of(client, run, **{"Last-Event-ID": "1"})
    text = b"".join([part async for part in answer.streaming_content]).decode()
    assert '"node":"b"' in text
    assert '"node":"a"' not in text
    assert (await events_of(client, run, **{"Last-Event-ID": str(run.seq)})).status_code == 204


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quiet")
async def test_event_stream_ends_when_the_share_is_withdrawn(fast: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.api.events.CHECK_SECONDS", 0.05)
    client, echo = await logged_in_with_echo()
    run = await db(recorded.execution, echo)
    answer = await events_of(client, run)
    parts = aiter(answer.streaming_content)
    await anext(parts)
    await db(User.objects.filter(username="alice").update, is_active=False)
    assert [part async for part in parts] == []


def test_addresses_are_described_in_the_schema(api: APIClient, alice_api: APIClient) -> None:
    paths = alice_api.get(f"{API}/schema/?format=json").json()["paths"]
    described = {path.removeprefix(API) for path in paths if "execut" in path}
    assert described == {
        "/executions/",
        "/executions/{id}/",
        "/executions/{id}/cancel/",
        "/executions/{id}/events/",
        "/executions/{id}/nodes/",
        "/executions/{id}/outputs/",
        "/executions/{id}/rerun/",
        "/executions/{execution_id}/retry/",
        "/executions/{execution_id}/nodes/{id}/",
        "/executions/{execution_id}/nodes/{id}/outputs/{index}/",
        "/graphs/{graph_id}/execute/",
    }
