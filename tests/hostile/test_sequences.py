"""A graph's whole life through the API, in any order and with broken bodies and headers: no step is a server error."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from executions.engine.status import Status
from executions.models import Approval, Execution, NodeExecution
from tests.api.test_graphs import SPEC
from tests.hostile.bad import broken, json_bytes, settled, texts
from tests.hostile.test_addresses import header_texts
from tests.hostile.test_graphs import refuse_breakage
from tests.tracebacks import Tracebacks

pytestmark = pytest.mark.redis

ID = "01900000-0000-7000-8000-000000000000"
EDIT = {
    "edit_id": ID,
    "operations": [{"op": "set_title", "key": "a", "title": "T"}, {"op": "move", "key": "a", "at": [1, 2]}],
}
#: What is sent where; `{graph}`, `{run}` and `{asked}` are the newest of their kind, also deleted ones.
CALLS: list[tuple[str, str, Any]] = [
    ("post", "graphs/", {"name": "New", "description": "d", "spec": SPEC}),
    ("post", "graphs/import/", SPEC),
    ("put", "graphs/{graph}/", {"spec": SPEC}),
    ("post", "graphs/{graph}/edits/", EDIT),
    ("get", "graphs/{graph}/edits/", None),
    ("get", "graphs/{graph}/", None),
    ("post", "graphs/{graph}/validate/", {"spec": SPEC}),
    ("post", "graphs/{graph}/publish/", {"version": 1}),
    ("delete", "graphs/{graph}/publish/", None),
    ("post", "graphs/{graph}/execute/", {"inputs": {"x": 1}, "draft": True, "pins": False}),
    ("post", "graphs/{graph}/execute/", {"inputs_list": [{}, {}], "version": 1}),
    ("post", "graphs/{graph}/execute/", {"inputs": {}, "keep": ID}),
    ("post", "executions/{run}/cancel/", None),
    ("post", "executions/{run}/rerun/", None),
    ("post", "executions/{run}/retry/", {"from": ["a"], "to": ["a"], "repeat_once": True}),
    ("post", "executions/{run}/retry/", {"node": "a", "inputs": {"value": 1}}),
    ("get", "executions/{run}/", None),
    ("get", "executions/{run}/nodes/", None),
    ("post", "approvals/{asked}/decide/", {"decision": "approved", "payload": {"sum": 1}, "comment": "c"}),
    ("post", "approvals/{asked}/decide/", {"decision": "happened", "payload": {"value": 1}}),
    ("get", "approvals/{asked}/", None),
    ("post", "tokens/", {"name": "t", "scope": "run", "expires_at": "2100-01-01T00:00:00Z"}),
    ("post", "blocks/logic.switch/ports/", {"config": {"value": 1, "cases": {"a": 1}}}),
    ("delete", "graphs/{graph}/", None),
]
tags = st.sampled_from(["*", '"0"', '"1"', 'W/"0"', '"-1"', '"' + "9" * 19 + '"', '"' + "9" * 30 + '"', '"a", "b"', ""])
waits = st.sampled_from(["wait=0", "wait=-1", "wait=99999999999", "wait", "wait=1e3", "respond-async, wait=x"])
headers = st.fixed_dictionaries(
    {"If-Match": tags | texts.map(header_texts)},
    optional={
        "Idempotency-Key": st.sampled_from(["k", "k", "", " ", "x" * 200, "x" * 10_000]) | texts.map(header_texts),
        "Prefer": waits | texts.map(header_texts),
        "Content-Type": st.sampled_from(["application/json", "application/json; charset=utf-16", "text/plain"]),
        "X-HTTP-Method-Override": st.just("DELETE"),
        "Range": st.sampled_from(["bytes=0-0", "bytes=-1", "bytes=a-b,"]),
    },
)
steps = st.tuples(st.sampled_from(CALLS), st.sampled_from(["right", "broken", "cut", "latin"]), headers)


class Life:
    """What there is, and what is done to it."""

    def __init__(self, client: APIClient, user: User) -> None:
        self.client, self.user = client, user
        self.ids: dict[str, Any] = {"graph": 1, "run": uuid4(), "asked": uuid4()}

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        kind = headers.pop("Content-Type", "application/json")
        address = "/api/v1/" + path.format(**self.ids)
        send: Any = self.client.generic  # takes bytes, whatever its types say
        return send(method.upper(), address, body, content_type=kind, headers=headers)

    def remember(self, path: str, answer: Any) -> None:
        """The ids of what was made; a new run waits for an answer."""
        made = answer.json() if answer.status_code in (201, 202) else {}
        if answer.status_code == 201 and path in ("graphs/", "graphs/import/"):
            self.ids["graph"] = made["id"]
        elif "status" in made or "executions" in made:
            self.ids["run"] = (made["executions"][0] if "executions" in made else made)["id"]
            self.ids["asked"] = self.asked(Execution.objects.get(pk=self.ids["run"]))

    def asked(self, run: Execution) -> Any:
        if run.status != Status.QUEUED or run.approvals.exists():
            return self.ids["asked"]
        fields = {"node": "a", "block": "core.value", "status": Status.WAITING, "seq": 1, "started_at": timezone.now()}
        row = NodeExecution.objects.create(id=uuid4(), execution=run, **fields)
        Execution.objects.filter(pk=run.pk).update(status=Status.WAITING, seq=1)
        kind = Approval.Kind.OUTCOME if run.pk.int % 2 else Approval.Kind.APPROVAL
        return Approval.objects.create(execution=run, node_execution=row, kind=kind, payload=None).pk


def spoilt(body: bytes, how: str) -> bytes:
    """The body as a bad connection or a bad writer leaves it."""
    if how == "cut":
        return body[: len(body) * 2 // 3]
    return body.replace(b"a", b"\xe9") if how == "latin" else body


@given(data=st.data(), plan=st.lists(steps, min_size=5, max_size=25))
@settled(25)
def test_no_step_of_a_graphs_life_is_a_server_error(
    alice: User, alice_api: APIClient, tracebacks: Tracebacks, unthrottled: None, redis_url: str, data: Any, plan: Any
) -> None:
    life = Life(alice_api, alice)
    for (method, path, valid), how, headers in [(CALLS[0], "right", {}), (CALLS[9], "right", {}), *plan]:
        body = data.draw(broken(valid)) if how == "broken" and valid else valid
        text = b"" if body is None else spoilt(json_bytes(body), how)
        answer = life.send(method, path, text, dict(headers))
        refuse_breakage(answer, body)
        life.remember(path, answer)
        tracebacks.refuse()
