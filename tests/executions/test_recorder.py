"""Group commit: fencing, bisection of bad rows, and SQL that keeps step with the models."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections, models

from executions import recorder as recording
from executions.engine.status import Status
from executions.ids import node_execution_id
from executions.ledger import Ending, Fenced, Ledger, NodeRow, OutputRow, Unrecordable
from executions.models import Execution, NodeExecution, Output, Worker
from executions.recorder import Recorder
from executions.values import encode
from tests import factories
from tests.executions import recorded

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def held(transactional_db: None) -> list[Execution]:
    """Three executions that one worker holds with epoch 1."""
    worker = Worker.objects.create(
        name="w",
        host="h",
        process_id=1,
        queue="default",
        capacity=9,
        version="1",
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
    )
    graph = factories.graph(factories.user("alice"), "a")
    return [recorded.execution(graph, holder=worker, epoch=1) for _ in range(3)]


@pytest.fixture
async def recorder(held: list[Execution]) -> AsyncIterator[Recorder]:
    made = Recorder(held[0].holder_id or UUID(int=0), committed=lambda done: None)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.close()
    await sync_to_async(connections.close_all)()


def ledger_of(execution: Execution, epoch: int = 1) -> Ledger:
    return Ledger(execution.pk, execution.graph_id, epoch, execution.seq)


def row(ledger: Ledger, node: str = "a", status: Status = Status.RUNNING) -> NodeRow:
    key = node_execution_id(ledger.execution, node, (1, 2), 0)
    return NodeRow(key, node, "core.value", (1, 2), 0, [[0, 7]], status=status, queued_at=NOW)


async def count(model: type[models.Model], **conditions: Any) -> int:
    rows = model._default_manager.filter(**conditions)
    return await sync_to_async(rows.count)()


@pytest.mark.parametrize(
    ("model", "columns", "elsewhere"),
    [
        (NodeExecution, recording.NODE_COLUMNS, set(recording.NODE_CONSTANTS)),
        (Output, recording.OUTPUT_COLUMNS, set()),
    ],
)
def test_sql_writes_every_column_of_the_model(
    model: type[models.Model], columns: tuple[tuple[str, str], ...], elsewhere: set[str]
) -> None:
    stored = {field.column for field in model._meta.concrete_fields if field.column}
    assert {name for name, _ in columns} | elsewhere == stored


async def test_rows_are_there_after_a_flush(held: list[Execution], recorder: Recorder) -> None:
    ledger = ledger_of(held[0])
    made = row(ledger)
    ledger.put_node(made)
    ledger.put_output(OutputRow(ledger.next_seq(), made.id, 0, "value", encode({"b": 1, "a": [None]})))
    await recorder.flush(ledger)
    stored = await sync_to_async(NodeExecution.objects.get)(pk=made.id)
    assert (stored.path, stored.arrivals, stored.status, stored.seq) == ([1, 2], [[0, 7]], "running", 1)
    output = await sync_to_async(Output.objects.get)(node_execution_id=made.id)
    assert list(output.value.items()) == [("b", 1), ("a", [None])]


async def test_states_between_two_flushes_are_one_row(held: list[Execution], recorder: Recorder) -> None:
    ledger = ledger_of(held[0])
    made = row(ledger)
    ledger.put_node(made)
    made.status = Status.COMPLETED
    ledger.put_node(made)
    await recorder.flush(ledger)
    stored = await sync_to_async(NodeExecution.objects.get)(pk=made.id)
    assert (stored.status, stored.seq) == ("completed", 2)


async def test_nothing_of_a_stale_epoch_is_kept(held: list[Execution], recorder: Recorder) -> None:
    stale, fresh = ledger_of(held[0], epoch=0), ledger_of(held[1])
    for ledger in (stale, fresh):
        ledger.put_node(row(ledger))
    results = await asyncio.gather(recorder.flush(stale), recorder.flush(fresh), return_exceptions=True)
    assert [type(result) for result in results] == [Fenced, type(None)]
    assert await count(NodeExecution, execution=held[0]) == 0
    assert await count(NodeExecution, execution=held[1]) == 1


async def test_stale_epoch_is_kept_out_although_the_same_worker_holds_the_execution_again(
    held: list[Execution], recorder: Recorder
) -> None:
    await sync_to_async(Execution.objects.filter(pk=held[0].pk).update)(epoch=3)
    stale, fresh = ledger_of(held[0], epoch=1), ledger_of(held[0], epoch=3)
    for ledger, status in ((fresh, Status.RUNNING), (stale, Status.COMPLETED)):
        ledger.put_node(row(ledger, status=status))
    results = await asyncio.gather(recorder.flush(stale), recorder.flush(fresh), return_exceptions=True)
    assert [type(result) for result in results] == [Fenced, type(None)]
    assert await count(NodeExecution, execution=held[0], status="running") == 1


async def test_nothing_is_written_to_an_execution_of_another_worker(held: list[Execution], recorder: Recorder) -> None:
    await sync_to_async(Execution.objects.filter(pk=held[0].pk).update)(holder=None)
    ledger = ledger_of(held[0])
    ledger.put_node(row(ledger))
    with pytest.raises(Fenced):
        await recorder.flush(ledger)


async def test_a_bad_row_sinks_only_its_execution(held: list[Execution], recorder: Recorder) -> None:
    ledgers = [ledger_of(execution) for execution in held]
    for number, ledger in enumerate(ledgers):
        ledger.put_node(row(ledger, "x" * 200 if number == 1 else "a"))
    results = await asyncio.gather(*map(recorder.flush, ledgers), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), Unrecordable, type(None)]
    assert await count(NodeExecution) == 2


@pytest.mark.parametrize("bad", ["number", "text"])
async def test_a_bad_row_among_fifty_sinks_none_of_them(held: list[Execution], recorder: Recorder, bad: str) -> None:
    """All in one flush: a number that is none, or text that cannot be sent at all."""
    first = held[0]
    executions = await sync_to_async(fifty_more)(first)
    ledgers = [ledger_of(each) for each in executions]
    for ledger in ledgers:
        ledger.put_node(row(ledger, status=Status.COMPLETED))
    culprit = ledgers[17]
    if bad == "number":
        made = row(culprit, "b")
        made.ordinal = 2**40
        culprit.put_node(made)
    else:
        culprit.put_output(OutputRow(culprit.next_seq(), row(culprit).id, 0, "\ud800", encode(1)))
    ends = await asyncio.gather(*map(recorder.flush, ledgers), return_exceptions=True)
    assert [type(end) for end in ends] == [Unrecordable if ledger is culprit else type(None) for ledger in ledgers]
    assert await count(NodeExecution, status="completed", execution__in=executions) == len(executions) - 1


def fifty_more(first: Execution) -> list[Execution]:
    return [recorded.execution(first.graph, holder=first.holder, epoch=1) for _ in range(51)]


async def test_a_lost_connection_is_tried_again(held: list[Execution], recorder: Recorder) -> None:
    first = ledger_of(held[0])
    first.put_node(row(first))
    await recorder.flush(first)
    assert recorder._connection is not None
    await recorder._connection.close()
    first.put_node(row(first, "b"))
    await recorder.flush(first)
    assert await count(NodeExecution, execution=held[0]) == 2


async def test_the_end_releases_the_execution(held: list[Execution], recorder: Recorder) -> None:
    ledger = ledger_of(held[0])
    ledger.put_ending(Ending(Status.COMPLETED, "", None, encode({"z": 1, "a": 2}), NOW, NOW))
    await recorder.flush(ledger)
    stored = await sync_to_async(Execution.objects.get)(pk=held[0].pk)
    assert (stored.status, stored.holder_id, stored.seq, list(stored.outputs)) == ("completed", None, 1, ["z", "a"])


async def test_worker_whose_lease_may_be_over_waits_for_its_renewal(
    recorder: Recorder,
) -> None:
    await asyncio.wait_for(recorder.until_sure(), 1)
    recorder.renewed_at -= settings.LEASE_SECONDS
    waiting = asyncio.create_task(recorder.until_sure())
    assert not (await asyncio.wait({waiting}, timeout=0))[0]
    recorder.renewed_at += settings.LEASE_SECONDS
    await asyncio.wait_for(waiting, 1)
