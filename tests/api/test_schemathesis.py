"""The API under generated requests: no server error, and answers as the OpenAPI description says."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from agentflow.accounts.authentication import TokenAuthentication
from agentflow.accounts.services import create_token
from agentflow.costs.models import Budget
from agentflow.credentials.services import make_credential
from agentflow.graphs import services
from agentflow.notifications.models import HookCall
from agentflow.notifications.services import add_hook, add_target, set_rule
from agentflow.triggers.models import Chain, Form, Schedule, Webhook
from agentflow.triggers.services import create_trigger
from agentflow.wsgi import application
from executions.models import Approval, Execution, NodeExecution, Output
from tests.api.test_graphs import SPEC

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 10

whole = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)
#: Streams that do not end are tested where they are made.
schema = whole.exclude(path_regex="/(events|schema)/$")


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """The application leaves the test's connection open, as with Django's own test client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def there(alice: User, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """What exists, by the address's first word; whoever calls is Alice, whatever credentials are generated."""
    monkeypatch.setattr(TokenAuthentication, "authenticate", lambda _self, _request: (alice, None))
    graph = services.import_graph(SPEC, owner=alice)
    services.publish(graph, user=alice)
    other = services.import_graph(SPEC, owner=alice)
    token, _ = create_token(user=alice, name="t")
    credential = make_credential(owner=alice, kind="bearer", name="Service", fields={"token": "s3cret"})
    run = Execution.objects.create(graph=graph, version=graph.versions.get(), owner=alice)
    row = NodeExecution.objects.create(id=uuid4(), execution=run, node="a", block="core.value", status="running", seq=1)
    asked = Approval.objects.create(execution=run, node_execution=row, kind="approval", payload={"sum": 1})
    Output.objects.create(execution=run, node_execution=row, seq=2, index=0, port="value", value={"x": 1e20})
    hook = create_trigger(Webhook, graph, owner=alice)
    delivery = hook.deliveries.create(status="started", code=202, body=b"{}", request={"method": "POST"})
    channel = add_target(alice, name="Ours", url="json://example.com/")
    called, _ = add_hook(graph, user=alice, url="https://example.com/")
    return {
        "schedules": {"id": create_trigger(Schedule, graph, owner=alice, cron="* * * * *").pk},
        "webhooks": {"id": hook.pk, "delivery": delivery.pk},
        "forms": {"id": create_trigger(Form, graph, owner=alice).pk},
        "chains": {"id": create_trigger(Chain, graph, owner=alice, source=other).pk},
        "graphs": {"id": graph.pk, "graph_id": graph.pk, "number": 1},
        "executions": {"id": run.pk, "execution_id": run.pk, "index": 0},
        "nodes": {"id": row.pk},
        "approvals": {"id": asked.pk},
        "tokens": {"id": token.pk},
        "credentials": {"id": credential.pk},
        "blocks": {"block_id": "logic.switch"},
        "budgets": {"budget_id": Budget.objects.create(graph=graph, limit=5).pk},
        "notifications/channels": {"id": channel.pk},
        "notifications/rules": {"id": set_rule(channel, graph, kinds=["failed"]).pk},
        "notifications/watches": {"graph_id": graph.pk},
        "notifications/hooks": {"id": called.pk},
        "notifications/hooks/calls": {"hook_id": called.pk, "id": HookCall.objects.create(hook=called).pk},
    }


def places(words: list[str]) -> Iterator[str]:
    """The address without ids, then less and less of it: `notifications/hooks/calls`, `notifications/hooks`, …"""
    for count in range(len(words), 0, -1):
        yield "/".join(words[:count])


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_api(case: Any, there: dict[str, dict[str, Any]]) -> None:
    words = [word for word in case.path.split("/")[3:] if word and not word.startswith("{")]
    known = next((there[place] for place in places(words) if place in there), {}) | (
        there["nodes"] if "/nodes/{id}" in case.path else {}
    )
    for name, value in case.path_parameters.items():
        # Random ids find nothing: most requests go to something that exists.
        if sum(str(value).encode()) % 4:
            case.path_parameters[name] = str(known[name])
    if isinstance(case.body, dict) and isinstance(case.body.get("edit_id"), str) and len(case.body["edit_id"]) == 36:
        case.body["edit_id"] = str(uuid4())
    case.call_and_validate(headers={"If-Match": "*", "Prefer": "respond-async"}, checks=CHECKS)
