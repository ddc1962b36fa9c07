"""Graphs with inputs and outputs, and triggers of them."""

from typing import Any

from django.contrib.auth.models import User

from agentflow.credentials.services import make_credential
from agentflow.graphs.models import Graph
from agentflow.triggers.models import Chain, Form, Schedule, Webhook
from agentflow.triggers.services import create_trigger
from tests.executions.hosting import drawn

SECRET = "the-secret"


def greeter(owner: User) -> Graph:
    """Takes `who` (needed) and `times`, gives `greeting`."""
    return drawn(
        owner,
        {
            "who": ("io.input", {"name": "who", "type": "text", "required": True}),
            "times": ("io.input", {"name": "times", "type": "integer", "default": 1}),
            "out": ("io.output", {"name": "greeting"}),
        },
        "who.value -> out.value",
    )


def schedule(graph: Graph, **members: Any) -> Schedule:
    return create_trigger(Schedule, graph, owner=graph.owner, **{"cron": "0 8 * * *", **members})


def webhook(graph: Graph, **members: Any) -> Webhook:
    return create_trigger(Webhook, graph, owner=graph.owner, **members)


def form(graph: Graph, **members: Any) -> Form:
    return create_trigger(Form, graph, owner=graph.owner, **members)


def chain(graph: Graph, source: Graph, **members: Any) -> Chain:
    return create_trigger(Chain, graph, owner=graph.owner, source=source, **members)


def credential(owner: User, secret: str = SECRET) -> Any:
    return make_credential(owner=owner, name="Signing", kind="bearer", fields={"token": secret}, hosts=["example.com"])
