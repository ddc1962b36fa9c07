"""The audit log: what it keeps, and that nobody changes it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.test import RequestFactory
from django.utils import timezone

from agentflow.accounts import audit
from agentflow.accounts.models import AuditEntry
from agentflow.accounts.services import create_token
from tests import factories


def test_a_row_names_actor_target_and_graph(alice: User) -> None:
    graph = factories.graph(alice, name="Digest")
    row = audit.record(alice, "shared", graph, detail={"group": "Sales", "role": "viewer"})
    row.refresh_from_db()
    assert (row.actor_id, row.actor_name, row.action) == (alice.pk, "alice", "shared")
    assert (row.target_kind, row.target_id, row.target_name) == ("graphs.Graph", str(graph.pk), "Digest")
    assert (row.graph_id, row.detail) == (graph.pk, {"group": "Sales", "role": "viewer"})
    assert abs(timezone.now() - row.at) < timedelta(minutes=1)


def test_a_row_says_how_its_actor_came(alice: User, rf: RequestFactory) -> None:
    request = rf.get("/", REMOTE_ADDR="192.0.2.7")
    token, _ = create_token(user=alice, name="t")
    by_session = audit.record(alice, "changed", token, request=request)
    request.auth = token  # type: ignore[attr-defined]  # as REST framework does
    by_token = audit.record(alice, "changed", token, request=request)
    assert (by_session.via, by_session.address) == ("session", "192.0.2.7")
    assert by_token.via == f"token {token.prefix}…"


def test_secrets_are_hidden(alice: User) -> None:
    row = audit.record(alice, "changed", alice, detail={"password": "x", "url": "https://a:b@c.example"})
    assert row.detail == {"password": "[hidden]", "url": "https://a:[hidden]@c.example"}


def test_a_row_outlives_actor_and_target(alice: User) -> None:
    graph = factories.graph(alice)
    audit.record(alice, "deleted", graph)
    alice.delete()
    row = AuditEntry.objects.get()
    assert (row.actor_name, row.target_name) == ("alice", "Graph")


def test_a_deed_that_is_rolled_back_leaves_no_row(alice: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(alice, "changed", alice)
        raise RuntimeError
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET actor_name = 'bob'",
        "DELETE FROM accounts_auditentry",
        "SET LOCAL agentflow.audit_truncate = 'off'; TRUNCATE accounts_auditentry",
        "SELECT set_config('agentflow.audit_retention', 'on', true); DELETE FROM accounts_auditentry",
    ],
)
def test_the_database_refuses_to_change_the_log(alice: User, statement: str) -> None:
    audit.record(alice, "changed", alice)
    with pytest.raises(DatabaseError, match="only be added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.get().actor_name == "alice"


def test_the_refusal_is_an_integrity_error(alice: User) -> None:
    row = audit.record(alice, "changed", alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.delete()


@pytest.mark.django_db(transaction=True)
async def test_only_what_is_old_is_forgotten(settings) -> None:
    from asgiref.sync import sync_to_async
    from psycopg import AsyncConnection

    settings.AUDIT_DAYS = 60
    for days in (1, 59, 61, 900):
        await AuditEntry.objects.acreate(action=f"{days}", at=timezone.now() - timedelta(days=days))
    parameters = await sync_to_async(connection.get_connection_params)()
    names = {name: parameters[name] for name in ("dbname", "user", "host", "port") if parameters.get(name)}
    password = {"password": parameters["password"]} if parameters.get("password") else {}
    async with await AsyncConnection.connect(**names, **password) as own:
        await audit.forget_old(own)
    assert {row.action async for row in AuditEntry.objects.all()} == {"1", "59"}
