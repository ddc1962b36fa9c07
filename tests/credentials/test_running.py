"""Credentials in runs: by the right of whoever runs the graph, and nothing of them left behind."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from agentflow.credentials import services, sharing
from agentflow.credentials.models import Credential
from executions import services as services_of_runs
from executions.engine.status import Status
from executions.host import Host
from executions.models import Execution, NodeExecution, Output
from executions.values import load
from tests.executions.hosting import drawn, ended, error_of, hosting, row, run, started, value
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("transactional_db", "leaky_blocks")]
TOKEN = 'tok/en with "quotes" & möre'


@pytest.fixture
def host(transactional_db: None) -> Any:
    with hosting() as running:
        yield running


def bearer(owner: User, token: str = TOKEN, name: str = "Service") -> Credential:
    return services.make_credential(owner=owner, kind="bearer", name=name, fields={"token": token})


def using(credential: Credential | str, **config: Any) -> dict[str, Any]:
    return {"n": ("test.leak", {"credential": str(getattr(credential, "pk", credential)), **config})}


def everything(execution: Execution) -> str:
    """All that is kept of a run."""
    rows = NodeExecution.objects.filter(execution=execution)
    outputs = Output.objects.filter(execution=execution)
    kept = [[each.error, each.log] for each in rows], [load(each) for each in outputs]
    return json.dumps(
        [kept, Execution.objects.filter(pk=execution.pk).values_list("error", "outputs")[0]], ensure_ascii=False
    )


def test_run_uses_what_its_owner_owns(host: Host, alice: User):
    execution = run(alice, using(bearer(alice)))
    assert execution.status == Status.COMPLETED


def test_nothing_that_a_run_keeps_holds_the_secret(host: Host, alice: User):
    credential = bearer(alice, "s3cret-token")
    good, bad = run(alice, using(credential)), run(alice, using(credential, fails=True))
    assert "s3cret" not in everything(good) + everything(bad)
    assert value(good, "n") == {"deep": ["a ••• b"], "extra": None}
    assert value(good, "n", "fields") == {"•••": "token"}
    assert row(good, "n").log[0][2] == "It is {'token': '•••'}"
    assert error_of(bad, "n")["message"] == "No: •••"


def test_secret_with_quotes_is_found_in_json(host: Host, alice: User):
    execution = run(alice, using(bearer(alice)))
    assert value(execution, "n") == {"deep": ["a ••• b"], "extra": None}


def test_large_value_is_cleaned_too(host: Host, alice: User):
    execution = run(alice, using(bearer(alice, "s3cret-token"), extra=["x" * 100_000]))
    assert value(execution, "n")["deep"] == ["a ••• b"]


def with_group(credential: Credential, member: User, role: str) -> None:
    group = Group.objects.create(name="Team")
    member.groups.add(group)
    sharing.share(credential, group=group, role=role, by=credential.owner)


def test_stranger_is_refused_at_the_start(alice: User, bob: User):
    with pytest.raises(services_of_runs.StartRefused) as caught:
        started(bob, using(bearer(alice)))
    assert caught.value.problems[0]["pointer"] == "#/nodes/0/config/credential"


def test_right_that_is_taken_away_ends_the_use(alice: User, bob: User):
    credential = bearer(alice)
    with_group(credential, bob, "runner")
    execution = started(bob, using(credential))
    credential.shares.all().delete()
    with hosting():
        ended(execution)
    assert "bob may not use it" in error_of(execution, "n")["message"]


@pytest.mark.parametrize("role", ["runner", "editor"])
def test_group_uses_it(host: Host, alice: User, bob: User, role: str):
    credential = bearer(alice)
    with_group(credential, bob, role)
    assert run(bob, using(credential)).status == Status.COMPLETED


def test_viewers_do_not_use_it(alice: User, bob: User):
    credential = bearer(alice)
    with_group(credential, bob, "viewer")
    with pytest.raises(services_of_runs.StartRefused):
        started(bob, using(credential))


def test_group_that_owns_it_uses_it(host: Host, alice: User, bob: User):
    credential, group = bearer(alice), Group.objects.create(name="Team")
    bob.groups.add(group)
    Credential.objects.filter(pk=credential.pk).update(group=group)
    assert run(bob, using(credential)).status == Status.COMPLETED


@pytest.mark.parametrize("id", ["none", "00000000-0000-0000-0000-000000000000"])
def test_credential_that_is_not_there_refuses_the_start(alice: User, id: str):
    with pytest.raises(services_of_runs.StartRefused, match="is gone or that alice may not use"):
        started(alice, using(id))


def test_other_kind_is_refused_by_name(alice: User):
    mail = services.make_credential(owner=alice, kind="smtp", name="Mail", fields={"host": "mail.example.com"})
    with pytest.raises(services_of_runs.StartRefused, match="what is chosen is of the kind Mail server"):
        started(alice, using(mail))


def test_graph_tells_whose_credential_is_missing(alice: User, bob_api: Any, bob: User, alice_api: Any):
    graph = drawn(bob, using(bearer(alice)))
    problems = bob_api.get(f"/api/v1/graphs/{graph.pk}/").data["problems"]
    assert [(each["code"], each["pointer"]) for each in problems] == [
        ("missing_credential", "#/nodes/0/config/credential")
    ]
    assert bob_api.post(f"/api/v1/graphs/{graph.pk}/publish/").status_code == 422


def test_credential_cannot_be_linked(alice: User, alice_api: Any):
    graph = drawn(alice, {"v": ("core.value", {"value": "x"}), **using(bearer(alice))}, "v.value -> n.credential")
    problems = alice_api.get(f"/api/v1/graphs/{graph.pk}/").data["problems"]
    assert "linked_credential" in [each["code"] for each in problems]


def test_lost_key_is_told(host: Host, alice: User, settings: Any):
    credential = bearer(alice)
    settings.CREDENTIAL_KEYS = ["A" * 43 + "="]
    assert "cannot be opened with the keys" in error_of(run(alice, using(credential)), "n")["message"]


def test_many_runs_use_one_at_once_and_use_is_noted(host: Host, alice: User):
    credential = bearer(alice)
    runs = [started(alice, using(credential)) for _ in range(20)]
    assert {ended(each).status for each in runs} == {Status.COMPLETED}
    until(lambda: Credential.objects.get(pk=credential.pk).last_used_at)
    assert Credential.objects.get(pk=credential.pk).last_used_in in {each.pk for each in runs}


def test_password_is_hidden_as_it_travels_in_a_header(host: Host, alice: User):
    credential = services.make_credential(
        owner=alice, kind="basic", name="Basic", fields={"user": "alice", "password": "open-sesame"}
    )
    execution = run(alice, using(credential, extra="Basic YWxpY2U6b3Blbi1zZXNhbWU="))
    assert value(execution, "n") == {"deep": ["a ••• alice b"], "extra": "Basic •••"} or value(execution, "n") == {
        "deep": ["a alice ••• b"],
        "extra": "Basic •••",
    }


def test_inputs_are_shown_without_the_secret(host: Host, alice: User, alice_api: Any):
    execution = run(alice, using(bearer(alice, "s3cret-token"), extra="it is s3cret-token"))
    shown = alice_api.get(f"/api/v1/executions/{execution.pk}/nodes/{row(execution, 'n').pk}/").json()
    assert shown["inputs"]["extra"] == "it is •••"
    assert "s3cret" not in str(shown)
