"""Completion webhooks, called on a real server."""

import hashlib
import hmac
import json
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from agentflow.graphs.models import Graph
from agentflow.notifications import chores, hooks
from agentflow.notifications.models import Hook, HookCall
from agentflow.notifications.services import NotificationRefused, add_hook, change_hook, delete_hook
from executions.engine.status import Status
from executions.models import FollowedGraph
from tests.notifications.conftest import Service, work
from tests.notifications.runs import complete, ended, fail

pytestmark = pytest.mark.django_db
Rung = list[tuple[str, UUID]]


def call_all(rung: Rung) -> None:
    HookCall.objects.filter(state="pending").update(due_at=Now())
    chores.ring_due()
    work(rung)


def made(graph: Graph, user: User, service: Service, **fields: Any) -> tuple[Hook, str]:
    return add_hook(graph, user=user, url=f"{service.url}/done", **fields)


def test_a_completed_run_is_told_and_signed(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    _, secret = made(graph, ann, service)
    run = complete(graph)
    call_all(rung)
    ((path, headers, body),) = service.calls
    told = json.loads(body)
    assert (path, told["event"], told["execution"]["id"]) == ("/done", "execution.completed", str(run.pk))
    moment, _, digest = headers["Agentflow-Signature"].partition(",v1=")
    signed = moment.removeprefix("t=").encode() + b"." + body
    assert digest == hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert told["id"] == headers["Agentflow-Delivery"] == str(HookCall.objects.get().pk)


def test_outputs_are_sent_only_if_wanted(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    hook, _ = made(graph, ann, service)
    run = ended(graph, Status.COMPLETED, outputs={"sum": "\x00 of 1"}, error=None)
    hooks.note(run)
    change_hook(hook, {"includes_outputs": True})
    hooks.note(ended(graph, Status.COMPLETED, outputs={"sum": "\x00 of 2"}, error=None))
    call_all(rung)
    bodies = [json.loads(body)["execution"] for _, _, body in service.calls]
    assert [body.get("outputs") for body in bodies] == [None, {"sum": "\x00 of 2"}]


def test_only_chosen_endings_are_told(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    made(graph, ann, service, statuses=["failed"])
    complete(graph)
    fail(graph, minutes=1)
    call_all(rung)
    assert [json.loads(body)["event"] for _, _, body in service.calls] == ["execution.failed"]


def test_a_run_is_told_once_however_often_it_is_noted(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    made(graph, ann, service)
    run = complete(graph)
    hooks.note(run)
    call_all(rung)
    assert len(service.calls) == 1


def test_a_bad_answer_is_tried_again_with_the_same_id(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    hook, _ = made(graph, ann, service)
    service.statuses = [503]
    complete(graph)
    call_all(rung)
    call = HookCall.objects.get()
    assert (call.state, call.answer, call.attempts) == ("pending", 503, 1)
    assert call.due_at > call.created_at
    call_all(rung)
    assert HookCall.objects.get().state == "sent"
    assert len({headers["Agentflow-Delivery"] for _, headers, _ in service.calls}) == 1
    hook.refresh_from_db()
    assert hook.problem == ""


def test_private_addresses_are_not_called(ann: User, graph: Graph, service: Service, rung: Rung, settings: Any) -> None:
    settings.HTTP_ALLOW = []
    made(graph, ann, service)
    complete(graph)
    call_all(rung)
    assert (service.calls, HookCall.objects.get().state) == ([], "failed")


def test_a_call_that_was_given_up_can_be_made_again(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    made(graph, ann, service)
    complete(graph)
    HookCall.objects.update(state="failed", attempts=12)
    hooks.repeat(HookCall.objects.get())
    call_all(rung)
    assert HookCall.objects.get().state == "sent"


def test_a_hook_that_is_off_is_not_called(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    hook, _ = made(graph, ann, service)
    complete(graph)
    change_hook(hook, {"is_on": False})
    call_all(rung)
    assert (service.calls, HookCall.objects.get().state) == ([], "dropped")


def test_the_test_button_calls_a_hook(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    hook, _ = made(graph, ann, service)
    hooks.try_hook(hook)
    call_all(rung)
    assert json.loads(service.calls[0][2])["event"] == "test"


def test_completed_runs_are_followed_as_long_as_a_hook_wants_them(ann: User, graph: Graph, service: Service) -> None:
    hook, _ = made(graph, ann, service)
    assert FollowedGraph.objects.filter(graph=graph).exists()
    delete_hook(hook)
    assert not FollowedGraph.objects.filter(graph=graph).exists()


def test_the_secret_is_stored_encrypted(ann: User, graph: Graph, service: Service) -> None:
    _, secret = made(graph, ann, service)
    assert secret not in str(Hook.objects.values().get())


@pytest.mark.parametrize("url", ["ftp://example.com", "https://", "http://a b", "x", "https://[::1"])
def test_what_is_no_address_is_refused(ann: User, graph: Graph, url: str) -> None:
    with pytest.raises(NotificationRefused):
        add_hook(graph, user=ann, url=url)
