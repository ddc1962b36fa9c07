"""Who asks, and what there is to ask for: one graph of Alice with everything that hangs on it."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agentflow.accounts import groups
from agentflow.accounts.invitations import invite
from agentflow.accounts.models import SignIn
from agentflow.accounts.services import create_token
from agentflow.costs.models import Budget
from agentflow.credentials import sharing as credential_sharing
from agentflow.credentials.services import make_credential
from agentflow.graphs import services, sharing
from agentflow.graphs.models import Graph
from agentflow.graphs.spec import GraphSpec
from agentflow.notifications.models import HookCall, Notification
from agentflow.notifications.services import add_hook, add_target, set_rule
from agentflow.triggers.models import Chain, Form, Schedule, Webhook
from executions.models import Approval, Execution, NodeExecution, Output
from tests import factories

SPEC = {"name": "Digest", "nodes": [{"key": "a", "block": "core.value", "config": {"value": 1}}]}
#: A client of a provider that nobody has agreed at yet, so testing it asks nobody.
OAUTH = {
    "authorize_url": "https://example.com/authorize",
    "token_url": "https://example.com/token",
    "client_id": "agentflow",
    "client_secret": "secret",
}
#: Who is logged in, by role; staff has no permissions of its own.
PEOPLE = ("owner", "editor", "runner", "viewer", "stranger", "staff")
#: What Alice's tokens may do.
SCOPES = ("read", "run", "write")
ACTORS = (*PEOPLE, "anonymous", *(f"token {scope}" for scope in SCOPES))
PARAMETER = re.compile(r"(\w+/new|[\w-]*)/<(?:\w+:)?(\w+)>")


@dataclass
class World:
    """Clients by actor, and what the parameters of addresses stand for, by the part of the address before them."""

    clients: dict[str, Client]
    users: dict[str, User]
    graph: Graph
    values: dict[str, Any] = field(default_factory=dict)

    def path(self, route: str) -> str:
        """The address of what there is."""
        return "/" + PARAMETER.sub(lambda found: f"{found[1]}/{self.value(found[1], found[2])}", route)

    def value(self, before: str, name: str) -> Any:
        """What a parameter stands for."""
        return self.values[name if name in self.values else before]


def made_world() -> World:
    """Everything, in a few statements."""
    users = {name: factories.user(name, is_staff=name == "staff") for name in PEOPLE}
    owner = users["owner"]
    team = groups.create_group(name="Team", owner=owner)
    for role in ("editor", "runner", "viewer"):
        groups.put_in(team, user=users[role], role=role)
    graph = services.create_graph(owner=owner, spec=GraphSpec.from_json(SPEC))
    sharing.share(graph, group=team, role="editor", by=owner)
    version = services.publish(graph, user=owner)
    run = Execution.objects.create(graph=graph, version=version, owner=owner, seq=2)
    row = NodeExecution.objects.create(id=uuid4(), execution=run, node="a", block="core.value", status="waiting", seq=1)
    Output.objects.create(execution=run, node_execution=row, seq=2, index=0, port="value", value=1)
    asked = Approval.objects.create(execution=run, node_execution=row, kind="approval", payload=1)
    token, _ = create_token(user=owner, name="t")
    invitation, _ = invite(team, role="viewer", by=owner)
    world = World({}, users, graph)
    for name, user in users.items():
        world.clients[name] = Client()
        world.clients[name].force_login(user)
    world.clients["anonymous"] = Client(REMOTE_ADDR="192.0.2.1")
    for scope in SCOPES:
        text = create_token(user=owner, name=scope, scope=scope)[1]
        world.clients[f"token {scope}"] = Client(headers={"Authorization": f"Bearer {text}"}, REMOTE_ADDR="192.0.2.1")
    channel = add_target(owner, name="Ours", url="json://example.com/")
    told = Notification.objects.create(user=owner, kind="failed", title="Failed", path="/")
    hook, _ = add_hook(graph, user=owner, url="https://example.com/")
    other = SignIn.objects.create(user=owner, digest="x", seen_at=timezone.now() + timedelta(days=1))
    credential = make_credential(owner=owner, kind="oauth2", name="Provider", fields=OAUTH)
    credential_sharing.share(credential, group=team, role="editor", by=owner)
    triggers = {"graph": graph, "owner": owner}
    schedule = Schedule.objects.create(**triggers, cron="0 0 * * *", due_at=timezone.now() + timedelta(days=1))
    webhook = Webhook.objects.create(**triggers, nonce="a", digest="a")
    form = Form.objects.create(**triggers, nonce="b", digest="b")
    chain = Chain.objects.create(**triggers, source=graph)
    delivery = webhook.deliveries.create(status="started", code=202, body=b"{}", media_type="application/json")
    world.values = {
        "credentials": credential.pk,
        "credentials/new": "bearer",
        "triggers": "webhook",
        "triggers/new": "webhook",
        "": webhook.pk,
        "webhook": webhook.pk,
        "verb": "pause",
        "schedules": schedule.pk,
        "webhooks": webhook.pk,
        "delivery": delivery.pk,
        "forms": form.pk,
        "chains": chain.pk,
        "graphs": graph.pk,
        "versions": version.number,
        "executions": run.pk,
        "nodes": row.pk,
        "outputs": 0,
        "approvals": asked.pk,
        "tokens": token.pk,
        "sessions": other.pk,
        "groups": team.pk,
        "members": users["viewer"].pk,
        "invitation_id": invitation.pk,
        "notifications": told.pk,
        "channels": channel.pk,
        "rules": set_rule(channel, graph, kinds=[]).pk,
        "watches": graph.pk,
        "hooks": hook.pk,
        "calls": HookCall.objects.create(hook=hook).pk,
        "what": "test",
        "blocks": "core.value",
        "budgets": Budget.objects.create(graph=graph, limit=1).pk,
        "uidb64": "MQ",
        "signed": "x",
        "token": "set-password",
        "invitations": "x" * 43,
    }
    return world
