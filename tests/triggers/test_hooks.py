"""Deliveries: taken or refused, kept, repeated, answered; over the real address."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agentflow.api.throttling import Buckets
from agentflow.graphs.models import Graph
from agentflow.graphs.services import delete_graph, publish
from agentflow.triggers import hooks, receiving, services, tokens
from agentflow.triggers.models import Delivery, Webhook
from agentflow.triggers.receiving import MOST_BODY_KEPT, MOST_KEPT, MOST_REFUSED_KEPT, Refused, replay
from agentflow.triggers.signatures import Scheme, sign
from executions.models import Execution
from tests.executions.hosting import hosting
from tests.triggers import made

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(alice: User) -> Graph:
    return made.greeter(alice)


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("taken", "guesses"):
        monkeypatch.setattr(hooks, name, Buckets(rate=1e9, burst=1e9))


def address(webhook: Webhook) -> str:
    return f"/hooks/{tokens.token(webhook)}/"


def send(webhook: Webhook, body: Any = None, **options: Any) -> Any:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    options = {"content_type": "application/json", **options}
    return Client().generic(options.pop("method", "POST"), options.pop("path", address(webhook)), data, **options)


def run_of(answer: Any) -> Execution:
    return Execution.objects.get(pk=answer.json()["execution"])


def test_the_members_of_a_body_are_the_inputs(graph: Graph) -> None:
    webhook = made.webhook(graph)
    answer = send(webhook, {"who": "Ada", "times": 2})
    run = run_of(answer)
    assert (answer.status_code, run.inputs, run.trigger) == (202, {"who": "Ada", "times": 2}, "webhook")
    assert run.idempotency_key.startswith(f"webhook:{webhook.pk}:once:")
    (kept,) = webhook.deliveries.all()
    assert (kept.status, kept.code, kept.execution) == ("started", 202, run.pk)


def test_a_mapping_takes_parts_of_body_query_and_headers(graph: Graph) -> None:
    webhook = made.webhook(graph, mapping={"who": "body.user.names.0", "times": "query.n"})
    answer = send(webhook, {"user": {"names": ["Ada"]}, "more": 1}, path=address(webhook) + "?n=3")
    assert run_of(answer).inputs == {"who": "Ada", "times": 3}
    other = made.webhook(graph, mapping={"who": "headers.x-who"})
    assert run_of(send(other, {}, headers={"X-Who": "Bob"})).inputs["who"] == "Bob"


def test_a_form_and_a_text_are_read(graph: Graph) -> None:
    webhook = made.webhook(graph)
    form = send(webhook, "who=Ada&times=2", content_type="application/x-www-form-urlencoded")
    assert run_of(form).inputs == {"who": "Ada", "times": 2}
    whole = made.webhook(graph, mapping={"who": "body"})
    assert run_of(send(whole, "Grüße".encode(), content_type="text/plain")).inputs["who"] == "Grüße"


def test_get_takes_the_query(graph: Graph) -> None:
    webhook = made.webhook(graph, method="GET", mapping={"who": "query.who"})
    assert run_of(send(webhook, "", method="GET", path=address(webhook) + "?who=Ada")).inputs["who"] == "Ada"
    assert send(webhook, {}).status_code == 405


def test_the_address_survives_new_versions(graph: Graph, alice: User) -> None:
    webhook = made.webhook(graph)
    first = run_of(send(webhook, {"who": "Ada"}))
    graph.nodes.filter(key="times").update(config={"name": "times", "type": "integer", "default": 5})
    Graph.objects.filter(pk=graph.pk).update(revision=7)
    graph.refresh_from_db()
    publish(graph, user=alice)
    second = run_of(send(webhook, {"who": "Ada"}))
    assert (first.version.number, second.version.number, second.inputs["times"]) == (1, 2, 5)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", 400),
        ('{"who": "\ud800"}'.encode(errors="surrogatepass"), 400),
        ("[" * 500 + "]" * 500, 400),
        ("NaN", 400),
        ("[]", 422),
        ('"text"', 422),
        ("{}", 422),
        ('{"who": "Ada", "unknown": 1}', 422),
        ('{"who": "Ada", "times": "many"}', 422),
        ('{"who": "Ada", "times": 1e999}', 400),
        (b"\xff\xfe", 400),
        ("", 422),
    ],
)
def test_a_hostile_body_is_refused_in_a_sentence_and_pauses_nothing(
    graph: Graph, body: Any, code: int, tracebacks: Any
) -> None:
    webhook = made.webhook(graph)
    answer = send(webhook, body)
    webhook.refresh_from_db()
    assert (answer.status_code, answer["Content-Type"]) == (code, "application/problem+json")
    assert answer.json()["detail"]
    assert (Execution.objects.count(), webhook.paused_at) == (0, None)
    (kept,) = webhook.deliveries.all()
    assert (kept.status, kept.code, kept.detail) == ("refused", code, answer.json()["detail"])


def test_null_characters_and_odd_types_are_kept_without_harm(graph: Graph) -> None:
    webhook = made.webhook(graph)
    assert send(webhook, b'{"who": "a\\u0000b"}').status_code in (202, 422)
    assert send(webhook, b"\0\0", content_type="application/octet-stream").status_code == 415
    assert send(webhook, "{}", headers={"X-Odd": "a\x00b\x7f" + "x" * 9_000}).status_code == 422


def test_a_large_body_is_refused(graph: Graph) -> None:
    webhook = made.webhook(graph, most_bytes=100)
    assert send(webhook, {"who": "A" * 200}).status_code == 413


def test_an_unknown_address_is_nothing(graph: Graph) -> None:
    webhook = made.webhook(graph)
    for token in ("x", "a" * 43, tokens.token(webhook)[:-1], webhook.digest, webhook.nonce):
        assert send(webhook, {}, path=f"/hooks/{token}/").status_code == 404


def test_a_new_address_ends_the_old_one(graph: Graph, alice: User) -> None:
    webhook = made.webhook(graph)
    old = address(webhook)
    renewed = services.renew_address(webhook, user=alice)
    assert send(webhook, {"who": "A"}, path=old).status_code == 404
    assert send(webhook, {"who": "A"}, path=f"/hooks/{tokens.token(renewed)}/").status_code == 202


def test_the_database_does_not_give_the_address_away(graph: Graph, settings: Any) -> None:
    webhook = made.webhook(graph)
    old = address(webhook)
    row = Webhook.objects.filter(pk=webhook.pk).values().get()
    assert not any(tokens.token(webhook) in str(value) for value in row.values())
    settings.SECRET_KEY = "another"
    assert tokens.token(webhook) == ""
    assert send(webhook, {"who": "A"}, path=old).status_code == 202  # it still works


def test_the_address_is_in_no_log(graph: Graph, caplog: pytest.LogCaptureFixture) -> None:
    from agentflow.logs.redaction import hidden

    webhook = made.webhook(graph)
    with caplog.at_level(logging.INFO):
        send(webhook, "{")
    said = [record.getMessage() for record in caplog.records]
    assert any("/hooks/" in text for text in said)
    assert not any(tokens.token(webhook) in hidden(text) for text in said)


SCHEME = Scheme("X-Signature", prefix="sha256=")
TIMED = Scheme("X-Signature", signed="{timestamp}.{body}", timestamp_header="X-Time")


def signed(webhook: Webhook, scheme: Scheme, body: bytes, stamp: str = "", secret: str = made.SECRET) -> Any:
    headers = {"X-Signature": sign(scheme, secret, body, timestamp=stamp), "X-Time": stamp}
    return send(webhook, body, headers=headers)


BODY = b'{"who": "Ada"}'


def test_only_what_is_signed_is_taken(graph: Graph, alice: User) -> None:
    webhook = made.webhook(graph, signature=SCHEME.to_json(), credential=made.credential(alice))
    assert signed(webhook, SCHEME, BODY).status_code == 202
    assert signed(webhook, SCHEME, BODY, secret="wrong").status_code == 401
    assert send(webhook, BODY).status_code == 401
    assert Execution.objects.count() == 1
    kept = webhook.deliveries.filter(code=401).first()
    assert kept is not None
    assert (kept.body, "wrong" in str(kept.request), kept.request["headers"].get("x-signature", "[hidden]")) == (
        None,
        False,
        "[hidden]",
    )


def test_a_signed_delivery_that_comes_again_runs_once(graph: Graph, alice: User) -> None:
    webhook = made.webhook(graph, signature=TIMED.to_json(), credential=made.credential(alice))
    stamp = str(int(timezone.now().timestamp()))
    first, again = (signed(webhook, TIMED, BODY, stamp).json() for _ in range(2))
    assert first["execution"] == again["execution"]
    assert (first["repeated"], again["repeated"]) == (False, True)
    old = str(int((timezone.now() - timedelta(hours=1)).timestamp()))
    assert signed(webhook, TIMED, BODY, old).status_code == 401


def test_without_its_secret_nothing_is_taken(graph: Graph, alice: User) -> None:
    credential = made.credential(alice)
    webhook = made.webhook(graph, signature=SCHEME.to_json(), credential=credential)
    credential.delete()
    assert signed(webhook, SCHEME, BODY).status_code == 503
    assert Execution.objects.count() == 0


def test_the_name_of_a_delivery_makes_it_run_once(graph: Graph) -> None:
    webhook = made.webhook(graph, delivery_header="X-Delivery")
    one, again = (send(webhook, BODY, headers={"X-Delivery": "d-1"}).json() for _ in range(2))
    other = send(webhook, BODY, headers={"X-Delivery": "x" * 500}).json()
    assert one["execution"] == again["execution"] != other["execution"]
    assert send(webhook, b'{"who": "Bob"}', headers={"X-Delivery": "d-1"}).status_code == 409
    assert send(webhook, BODY).status_code == 400
    assert Execution.objects.count() == 2


def test_a_paused_one_takes_nothing(graph: Graph, alice: User) -> None:
    webhook = services.pause_trigger(made.webhook(graph), user=alice)
    assert send(webhook, BODY).status_code == 503
    services.resume_trigger(webhook, user=alice)
    assert send(webhook, BODY).status_code == 202


def test_a_deleted_graph_keeps_the_webhook_and_says_so(graph: Graph) -> None:
    webhook = made.webhook(graph)
    delete_graph(graph, by=graph.owner)
    answer = send(webhook, BODY)
    assert (answer.status_code, answer.json()["detail"]) == (410, "Its graph was deleted.")


def test_a_broken_graph_pauses_it(graph: Graph) -> None:
    webhook = made.webhook(graph)
    graph.nodes.filter(key="out").update(block="no.such")
    Graph.objects.filter(pk=graph.pk).update(revision=9)
    answer = send(webhook, BODY)
    webhook.refresh_from_db()
    assert (answer.status_code, "no.such" in answer.json()["detail"]) == (503, False)
    assert "no.such" in webhook.pause_reason


def test_a_kept_delivery_can_be_sent_again(graph: Graph) -> None:
    webhook = made.webhook(graph, mapping={"who": "body.who", "times": "query.n"})
    first = run_of(send(webhook, BODY, path=address(webhook) + "?n=4"))
    delivery = Delivery.objects.select_related("webhook__owner", "webhook__graph").get()
    answer = replay(delivery)
    assert answer.execution is not None
    again = Execution.objects.get(pk=answer.execution)
    assert (again.inputs, again.pk != first.pk) == (first.inputs, True)
    assert webhook.deliveries.filter(replay_of=delivery, status="started").count() == 1


def test_a_body_that_was_not_kept_cannot(graph: Graph) -> None:
    webhook = made.webhook(graph)
    send(webhook, {"who": "A" * MOST_BODY_KEPT})
    delivery = webhook.deliveries.get()
    assert delivery.size > MOST_BODY_KEPT
    with pytest.raises(Refused, match="was not kept"):
        replay(delivery)


def test_the_newest_deliveries_are_kept_and_refused_ones_push_none_out(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (MOST_KEPT, MOST_REFUSED_KEPT) == (100, 50)
    monkeypatch.setattr(receiving, "MOST_KEPT", 3)
    monkeypatch.setattr(receiving, "MOST_REFUSED_KEPT", 2)
    webhook = made.webhook(graph)
    for _ in range(5):
        send(webhook, BODY)
    for _ in range(5):
        send(webhook, "{")
    assert (
        webhook.deliveries.filter(status="started").count(),
        webhook.deliveries.filter(status="refused").count(),
    ) == (3, 2)


def test_secrets_in_headers_and_query_are_not_kept(graph: Graph) -> None:
    webhook = made.webhook(graph)
    headers = {"Authorization": "Bearer hush-hush-hush", "X-Api-Key": "hush", "Cookie": "a=hush"}
    send(webhook, BODY, path=address(webhook) + "?token=hush", headers=headers)
    assert "hush" not in str(webhook.deliveries.get().request)


def test_too_many_are_told_when_to_come_back(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "taken", Buckets(rate=0.1, burst=1))
    webhook = made.webhook(graph)
    assert send(webhook, BODY).status_code == 202
    answer = send(webhook, BODY)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 11


def test_an_answer_waits_for_an_output(graph: Graph, transactional_db: None) -> None:
    webhook = made.webhook(graph, answer_output="greeting", answer_seconds=20)
    with hosting():
        answer = send(webhook, BODY)
    assert (answer.status_code, answer.json()) == (200, "Ada")


def test_an_answer_does_not_wait_for_ever(graph: Graph) -> None:
    webhook = made.webhook(graph, answer_output="greeting", answer_seconds=1)
    answer = send(webhook, BODY)
    assert (answer.status_code, "execution" in answer.json()) == (202, True)
