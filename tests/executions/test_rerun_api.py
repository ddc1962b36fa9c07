"""Batches, retries and decisions through the API."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from agentflow.accounts.services import create_token
from agentflow.graphs.models import Graph, Node, Role
from executions.engine.status import Status
from executions.models import Approval, Execution, NodeExecution
from tests import factories
from tests.executions import recorded
from tests.executions.test_api import API, echo_of, start

pytestmark = [pytest.mark.django_db, pytest.mark.redis]


@pytest.fixture
def echo(alice: User) -> Graph:
    return echo_of(alice)


@pytest.fixture
def ended(alice_api: APIClient, echo: Graph) -> Execution:
    """An execution of the graph whose node `say` failed."""
    id = start(alice_api, echo).json()["id"]
    Execution.objects.filter(pk=id).update(status=Status.FAILED, ended_at=timezone.now())
    return Execution.objects.get(pk=id)


@pytest.fixture
def asked(alice: User, echo: Graph) -> Approval:
    """What an execution of Alice's graph waits for."""
    Node.objects.filter(graph=echo, key="say").update(title="Say it")
    run = recorded.execution(echo)
    recorded.record(run, "say", status=Status.WAITING)
    Execution.objects.filter(pk=run.pk).update(status=Status.WAITING)
    row = NodeExecution.objects.get(execution=run)
    made: Approval = Approval.objects.create(
        execution=run, node_execution=row, kind="approval", instructions="Shall it?", payload={"sum": 5}
    )
    return made


def retry(client: APIClient, run: Execution, body: Any = None) -> Any:
    return client.post(f"{API}/executions/{run.pk}/retry/", body or {}, format="json")


def decide(client: APIClient, approval: Approval, **body: Any) -> Any:
    return client.post(f"{API}/approvals/{approval.pk}/decide/", body, format="json")


# Batches


def test_batch_answers_with_all_in_order(alice_api: APIClient, echo: Graph) -> None:
    answer = start(alice_api, echo, {"inputs_list": [{"text": "a"}, {"text": "b"}]})
    assert answer.status_code == 202
    body = answer.json()
    runs = [Execution.objects.get(pk=row["id"]) for row in body["executions"]]
    assert (body["count"], [run.inputs for run in runs]) == (2, [{"text": "a"}, {"text": "b"}])
    assert {row["batch"] for row in body["executions"]} == {str(runs[0].pk)}


def test_batch_says_which_inputs_are_wrong_and_starts_none(alice_api: APIClient, echo: Graph) -> None:
    answer = start(alice_api, echo, {"inputs_list": [{"text": "a"}, {"other": 1}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/inputs_list/1/other"
    assert not Execution.objects.exists()


@pytest.mark.parametrize("body", [{"inputs_list": []}, {"inputs_list": [{}] * 1_001}])
def test_batch_has_one_to_a_thousand(alice_api: APIClient, echo: Graph, body: Any) -> None:
    answer = start(alice_api, echo, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/inputs_list")


def test_batch_and_single_inputs_are_not_mixed(alice_api: APIClient, echo: Graph) -> None:
    assert start(alice_api, echo, {"inputs": {}, "inputs_list": [{}]}).status_code == 400


def test_a_thousand_start_with_as_many_queries_as_two(
    alice_api: APIClient, echo: Graph, django_assert_max_num_queries: Any
) -> None:
    start(alice_api, echo)
    with django_assert_max_num_queries(25):
        answer = start(alice_api, echo, {"inputs_list": [{"text": str(n)} for n in range(1_000)]})
    assert answer.json()["count"] == 1_000


def test_same_key_gives_the_same_batch(alice_api: APIClient, echo: Graph) -> None:
    body = {"inputs_list": [{"text": "a"}, {"text": "b"}]}
    first, again = (start(alice_api, echo, body, **{"Idempotency-Key": "k"}).json() for _ in range(2))
    assert [row["id"] for row in first["executions"]] == [row["id"] for row in again["executions"]]


def test_unknown_members_of_a_start_are_refused(alice_api: APIClient, echo: Graph) -> None:
    answer = start(alice_api, echo, {"inputs": {"text": "a"}, "input_list": []})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/input_list")


# What is kept


def test_what_is_kept_must_be_of_the_graph(alice_api: APIClient, alice: User, echo: Graph, ended: Execution) -> None:
    other = recorded.execution(factories.graph(alice, "a"))
    refused = start(alice_api, echo, {"inputs": {"text": "a"}, "keep": str(other.pk)})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "#/keep")
    answer = start(alice_api, echo, {"inputs": {"text": "a"}, "keep": str(ended.pk)}).json()
    assert (answer["retry_of"], answer["choice"]) == (str(ended.pk), {"reuse": True, "fresh": []})


def test_pins_are_for_who_draws(alice: User, alice_api: APIClient, echo: Graph) -> None:
    token = APIClient(headers={"Authorization": f"Bearer {create_token(user=alice, name='t', scope='run')[1]}"})
    for client, body, uses in (
        (alice_api, {}, True),
        (alice_api, {"pins": False}, False),
        (token, {}, False),
        (token, {"pins": True}, True),
    ):
        id = start(client, echo, {"inputs": {"text": "a"}, **body}).json()["id"]
        assert Execution.objects.get(pk=id).use_pins is uses


def test_published_version_has_no_pins_unless_asked(alice_api: APIClient, echo: Graph) -> None:
    start(alice_api, echo)
    id = start(alice_api, echo, {"inputs": {"text": "a"}, "version": 1}).json()["id"]
    assert Execution.objects.get(pk=id).use_pins is False


def test_retry_from_the_failed_nodes(alice_api: APIClient, ended: Execution) -> None:
    answer = retry(alice_api, ended)
    assert answer.status_code == 202
    row = answer.json()
    assert (row["trigger"], row["retry_of"], row["choice"]) == ("retry", str(ended.pk), {"reuse": True})
    assert Execution.objects.get(pk=row["id"]).inputs == {"text": "hello"}


@pytest.mark.parametrize(
    ("body", "choice"),
    [
        ({"from": ["ask"]}, {"reuse": True, "fresh": ["ask", "say"]}),
        ({"to": ["ask"]}, {"reuse": True, "only": ["ask"]}),
        ({"node": "say", "inputs": {"value": 7}}, {"only": ["say"], "inputs": {"value": 7}}),
    ],
)
def test_retry_of_what_is_chosen(alice_api: APIClient, ended: Execution, body: Any, choice: Any) -> None:
    assert retry(alice_api, ended, body).json()["choice"] == choice


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"from": ["x"]}, "#/from"), ({"to": ["x"]}, "#/to"), ({"node": "say"}, "#/nodes/0/config/value")],
)
def test_retry_that_cannot_be_says_why(alice_api: APIClient, ended: Execution, body: Any, pointer: str) -> None:
    answer = retry(alice_api, ended, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"node": "say", "from": ["say"]}, "#/from"),
        ({"node": "say", "to": ["say"]}, "#/to"),
        ({"inputs": {"value": 1}}, "#/inputs"),
        ({"nodes": ["say"]}, "#/nodes"),
    ],
)
def test_retry_that_says_two_things_is_refused(alice_api: APIClient, ended: Execution, body: Any, pointer: str) -> None:
    answer = retry(alice_api, ended, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


def test_executions_are_listed_by_what_they_have_to_do_with_others(alice_api: APIClient, ended: Execution) -> None:
    made = {
        "batch": recorded.execution(ended.graph, batch=ended.pk),
        "parent": recorded.execution(ended.graph, parent=ended),
        "retry_of": recorded.execution(ended.graph, retry_of=ended),
    }
    for name, run in made.items():
        found = alice_api.get(f"{API}/executions/?{name}={ended.pk}").json()["results"]
        assert [row["id"] for row in found] == [str(run.pk)], name
    assert alice_api.get(f"{API}/executions/?batch=first").status_code == 400


def test_retry_needs_a_runner(bob_api: APIClient, charlie_api: APIClient, bob: User, ended: Execution) -> None:
    factories.share(ended.graph, bob, Role.VIEWER)
    assert (retry(bob_api, ended).status_code, retry(charlie_api, ended).status_code) == (403, 404)


def test_children_are_told(alice_api: APIClient, echo: Graph, asked: Approval) -> None:
    child = recorded.execution(echo, parent_id=asked.execution_id, parent_node=asked.node_execution_id)
    detail = alice_api.get(f"{API}/executions/{asked.execution_id}/").json()
    graph = {"id": echo.pk, "name": "Echo"}
    assert detail["children"] == [{"id": str(child.pk), "graph": graph, "node": "say", "status": "running"}]
    assert alice_api.get(f"{API}/executions/{child.pk}/").json()["parent"] == str(asked.execution_id)


def test_node_says_what_it_waits_for(alice_api: APIClient, asked: Approval) -> None:
    waits = {
        "approval 1": {"for": "approval", "approval": str(asked.pk)},
        "graph 1": {"for": "graph", "child": "c", "done": True},
    }
    NodeExecution.objects.filter(pk=asked.node_execution_id).update(waits=waits)
    (row,) = alice_api.get(f"{API}/executions/{asked.execution_id}/nodes/").json()["results"]
    assert row["waiting"] == {"for": "approval", "approval": str(asked.pk)}
    assert row["children"] == ["c"]


# Decisions


def test_open_questions_are_listed(alice_api: APIClient, charlie_api: APIClient, asked: Approval) -> None:
    (row,) = alice_api.get(f"{API}/approvals/?state=open").json()["results"]
    assert (row["id"], row["node"], row["node_title"], row["state"]) == (str(asked.pk), "say", "Say it", "open")
    assert alice_api.get(f"{API}/approvals/?state=decided").json()["results"] == []
    assert charlie_api.get(f"{API}/approvals/").json()["results"] == []


def test_list_costs_as_many_queries_for_many(
    alice_api: APIClient, asked: Approval, django_assert_max_num_queries: Any
) -> None:
    more = {"execution": asked.execution, "node_execution": asked.node_execution, "kind": "approval"}
    Approval.objects.bulk_create(Approval(**more) for _ in range(60))
    with django_assert_max_num_queries(6):
        assert len(alice_api.get(f"{API}/approvals/").json()["results"]) >= 50


def test_decision_is_kept_and_the_run_queued(alice_api: APIClient, alice: User, asked: Approval) -> None:
    answer = decide(alice_api, asked, decision="approved", payload={"sum": 4}, comment="less")
    assert answer.status_code == 200
    row = answer.json()
    assert (row["state"], row["decision"], row["answer"], row["comment"]) == ("decided", "approved", {"sum": 4}, "less")
    assert row["decided_by"]["id"] == alice.pk
    assert Execution.objects.get(pk=asked.execution_id).status == Status.QUEUED


def test_payload_stays_unless_it_is_given(alice_api: APIClient, asked: Approval) -> None:
    assert decide(alice_api, asked, decision="rejected").json()["answer"] == {"sum": 5}


def test_null_is_a_payload(alice_api: APIClient, asked: Approval) -> None:
    assert decide(alice_api, asked, decision="approved", payload=None).json()["answer"] is None


def test_second_decision_is_told_who_was_faster(alice_api: APIClient, asked: Approval) -> None:
    decide(alice_api, asked, decision="approved")
    answer = decide(alice_api, asked, decision="rejected")
    assert (answer.status_code, "alice" in answer.json()["detail"]) == (409, True)


def test_decision_that_does_not_fit_is_refused(alice_api: APIClient, asked: Approval) -> None:
    answer = decide(alice_api, asked, decision="repeat")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/decision")
    assert decide(alice_api, asked, decision="maybe").status_code == 400


def test_who_may_run_may_decide(bob_api: APIClient, charlie_api: APIClient, bob: User, asked: Approval) -> None:
    share = factories.share(asked.execution.graph, bob, Role.VIEWER)
    assert decide(bob_api, asked, decision="approved").status_code == 403
    assert decide(charlie_api, asked, decision="approved").status_code == 404
    assert charlie_api.get(f"{API}/approvals/{asked.pk}/").status_code == 404
    type(share).objects.filter(pk=share.pk).update(role=Role.RUNNER)
    assert decide(bob_api, asked, decision="approved").status_code == 200


def test_token_needs_the_scope_to_run(alice: User, asked: Approval) -> None:
    for scope, status in (("read", 403), ("run", 200)):
        client = APIClient(headers={"Authorization": f"Bearer {create_token(user=alice, name='t', scope=scope)[1]}"})
        assert decide(client, asked, decision="approved").status_code == status


def test_question_that_is_not_there_is_404(alice_api: APIClient, asked: Approval) -> None:
    assert alice_api.get(f"{API}/approvals/{uuid4()}/").status_code == 404
    assert alice_api.get(f"{API}/approvals/?state=odd").status_code == 400
