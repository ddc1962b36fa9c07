"""What blocks say that they have used stands in the run's row, whatever became of the attempt."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from redis.client import PubSub

from agentflow import wake
from agentflow.graphs.spec import Policy
from executions import node_job, services
from executions.engine.status import Status
from executions.ids import uuid7
from executions.models import Execution, NodeExecution, NodeJob
from executions.usage import added
from tests.executions import blocks
from tests.executions.hosting import ended, row, run, started, value
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "host")]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


def test_amounts_are_summed_up_and_the_last_words_stay() -> None:
    usage = added({"tokens": 3, "model": "a", "node_executions": 2}, {"tokens": 4, "usd": 0.5, "model": "b"})
    assert usage == {"tokens": 7, "usd": 0.5, "model": "b", "node_executions": 2}


def test_nothing_leaves_no_trace() -> None:
    assert added({}, {"tokens": 0, "model": ""}) == {}


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), True, "3", None])
def test_what_is_no_amount_is_refused(amount: object) -> None:
    with pytest.raises(ValueError, match="tokens is an amount"):
        added({}, {"tokens": amount})


def test_usage_is_kept_over_retries(owner: User) -> None:
    blocks.GATES["talk"].set()
    execution = run(owner, {"t": ("test.talk", {"name": "talk", "failures": 2}, Policy(retries=2))})
    assert execution.status == Status.COMPLETED
    assert row(execution, "t").usage == {"input_tokens": 9, "output_tokens": 6, "tokens": 15, "model": "m3"}


def test_a_failed_run_has_used_something_too(owner: User) -> None:
    execution = run(owner, {"t": ("test.talk", {"name": "fail", "failures": 1})})
    assert (execution.status, row(execution, "t").usage["tokens"]) == (Status.FAILED, 5)


def test_a_cancelled_run_has_used_something_too(owner: User) -> None:
    execution = started(owner, {"t": ("test.talk", {"name": "cancel"})})
    until(lambda: blocks.TRIES["cancel"])
    services.cancel_execution(execution, user=owner)
    execution = ended(execution)
    assert (execution.status, row(execution, "t").usage["tokens"]) == (Status.CANCELLED, 5)


def test_an_isolated_process_sends_back_what_was_used() -> None:
    context = {"execution_id": str(uuid7()), "node": "p", "path": [], "attempt": 1, "idempotency_key": str(uuid7())}
    user = {"user": {"id": 1, "name": "alice"}, "execution_inputs": {}, "indices": {}}
    payload = {"block": "test.process", "input": {"tokens": 4}, "context": context | user}
    result, is_sound = node_job._result(NodeJob(payload=payload))
    assert (is_sound, result["usage"]) == (True, {"tokens": 4})


def test_what_a_run_streams_reaches_the_channel_of_those_who_watch(owner: User) -> None:
    with wake.connection().pubsub() as messages:
        messages.subscribe(wake.WAKE_CHANNEL)
        execution = started(owner, {"t": ("test.talk", {"name": "watch", "words": ["Good ", "morning"]})})
        shown = until(lambda: _transient(messages, execution, "Good morning"))
        blocks.GATES["watch"].set()
    assert shown == {
        "node": "t",
        "path": [],
        "progress": None,
        "text": "",
        "stream": {"port": "text", "text": "Good morning", "cut": False},
    }
    assert value(ended(execution), "t", "text") == "Good morning"


def _transient(messages: PubSub, execution: Execution, text: str) -> dict[str, Any] | None:
    """The news of the execution with this text, if they come now."""
    message = messages.get_message(timeout=0.1)
    data = message["data"] if message else b""
    prefix = f"t:{execution.pk}:".encode()
    if not isinstance(data, bytes) or not data.startswith(prefix):
        return None
    news: dict[str, Any] = orjson.loads(data.removeprefix(prefix))
    return news if news["stream"]["text"] == text else None


def test_a_retry_waits_as_long_as_the_block_says(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.node_run.RETRY_SECONDS", 0.01)
    blocks.GATES["later"].set()
    config = {"name": "later", "failures": 1, "after_seconds": 3_600}
    execution = started(owner, {"t": ("test.talk", config, Policy(retries=1))})
    until(lambda: (found := row_or_none(execution)) and found.status == Status.WAITING)
    wait = row(execution, "t").waits["retry"]
    assert datetime.fromisoformat(wait["until"]) > datetime.now(UTC) + timedelta(minutes=55)


def row_or_none(execution: Execution) -> NodeExecution | None:
    return NodeExecution.objects.filter(execution=execution, node="t").first()
