"""The reader, the flow control and the hub."""

import asyncio
import json
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentflow import wake
from agentflow.graphs.models import Graph, GraphEdit
from executions import hub as hubs
from executions import live
from executions.engine.status import Status
from executions.flow import MOST_TRANSIENT, Flow, FlowError
from executions.hub import Follower, hub
from executions.models import Execution
from tests import factories
from tests.executions import recorded


@pytest.fixture
def graph(alice: User) -> Graph:
    return factories.graph(alice, name="Digest")


@pytest.fixture
def run(graph: Graph) -> Execution:
    return recorded.execution(graph)


def frame(changes: live.Changes | None) -> dict:
    assert changes is not None
    found: dict = json.loads(changes.message("frame"))
    return found


def test_changes_of_an_unknown_execution_are_none(db: None) -> None:
    assert live.read_changes(uuid4(), 0) is None


def test_changes_hold_the_execution_and_every_row_in_order(run: Execution) -> None:
    recorded.record(run, "a", "b")
    recorded.record(run, "a", status=Status.COMPLETED)
    found = frame(live.read_changes(run.pk, 0))
    assert [(row["node"], row["status"], row["seq"]) for row in found["nodes"]] == [
        ("b", "running", 2),
        ("a", "completed", 3),
    ]
    assert found["execution"]["graph"]["name"] == "Digest"
    assert found["execution"]["owner"]["name"] == "alice"
    assert (found["seq"], found["head"]) == (3, 3)


def test_what_happened_to_the_run_as_a_whole_is_a_change(run: Execution) -> None:
    recorded.record(run, "a")
    before = live.read_changes(run.pk, 0)
    lost = {"at": "2026-01-01T00:00:00+00:00", "kind": "worker_lost", "text": "Worker w was lost", "seq": run.seq}
    Execution.objects.filter(pk=run.pk).update(events=[lost], status=Status.QUEUED)
    after = live.read_changes(run.pk, run.seq)
    assert before is not None
    assert after is not None
    assert after.is_news(run.seq, before.execution)
    assert [frame(changes)["execution"]["events"] for changes in (before, after)] == [[], [lost]]
    assert [frame(changes)["execution"]["held_up_by"] for changes in (before, after)] == ["", "no_worker"]


def test_times_are_utc_and_absent_ones_null(run: Execution) -> None:
    found = frame(live.read_changes(run.pk, 0))["execution"]
    assert found["created_at"].endswith("Z")
    assert found["ended_at"] is None


def test_handled_failure_is_told_apart(run: Execution) -> None:
    recorded.record(run, "a", status=Status.FAILED, error={"message": "no", "handled": True})
    assert frame(live.read_changes(run.pk, 0))["nodes"][0]["handled"] is True


def test_changes_since_leave_out_what_is_known(run: Execution) -> None:
    recorded.record(run, "a", "b")
    assert [row["node"] for row in frame(live.read_changes(run.pk, 1))["nodes"]] == ["b"]


def test_long_lists_come_in_chunks(run: Execution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CHUNK_ROWS", 2)
    recorded.record(run, "a", "b", "c")
    first = live.read_changes(run.pk, 0)
    assert first is not None
    assert (first.seq, first.head, first.is_complete) == (2, 3, False)
    assert [row["node"] for row in frame(live.read_changes(run.pk, first.seq))["nodes"]] == ["c"]


def test_number_ahead_of_the_execution_reads_from_the_start(run: Execution) -> None:
    recorded.record(run, "a")
    assert len(frame(live.read_changes(run.pk, 500))["nodes"]) == 1


def test_reading_changes_takes_two_queries_and_no_payload(run: Execution) -> None:
    recorded.record(run, *"abcdefgh")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        live.read_changes(run.pk, 0)
    assert len(queries) == 2
    assert not any(f'"{column}"' in query["sql"] for query in queries for column in ("inputs", "outputs", "log"))


def test_edits_come_in_order_with_their_author(graph: Graph) -> None:
    for revision in (1, 2):
        GraphEdit.objects.create(
            graph=graph, revision=revision, edit_id=uuid4(), author=graph.owner, operations=[{"op": "move"}]
        )
    Graph.objects.filter(pk=graph.pk).update(revision=2)
    found = live.read_edits(graph.pk, 0)
    assert found is not None
    edits = json.loads(found.text)["edits"]
    assert [edit["revision"] for edit in edits] == [1, 2]
    assert edits[0]["author"] == {"id": graph.owner_id, "name": "alice"}


def test_recent_executions_are_the_latest_and_all_active(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RECENT", 1)
    active = recorded.execution(graph)
    recorded.execution(graph, status=Status.COMPLETED)
    latest = recorded.execution(graph, status=Status.COMPLETED)
    assert list(live.read_recent(graph.pk)) == [latest.pk, active.pk]


def test_two_frames_may_be_under_way_and_an_acknowledgement_frees_them() -> None:
    flow = Flow(since=0)
    flow.sent(3, now=0)
    flow.sent(5, now=1)
    full = flow.may_send
    flow.acknowledged(5)
    assert (full, flow.may_send, flow.deadline()) == (False, True, None)


def test_acknowledging_what_was_never_sent_is_refused() -> None:
    with pytest.raises(FlowError):
        Flow(since=4).acknowledged(5)


def test_unacknowledged_frame_is_overdue_after_the_patience() -> None:
    flow = Flow(since=0)
    flow.sent(3, now=10)
    assert not flow.is_overdue(39.9)
    assert flow.is_overdue(40)


def test_transient_messages_end_until_a_frame_is_acknowledged() -> None:
    flow = Flow(since=0, transients=MOST_TRANSIENT)
    assert not flow.may_send_transient
    assert flow.wants_acknowledgement
    flow.sent(0, now=0)
    flow.acknowledged(0)
    assert flow.may_send_transient


async def rung(follower: Follower, within: float = 5) -> bool:
    async with asyncio.timeout(within):
        await follower.rung.wait()
    follower.rung.clear()
    return True


async def subscribed() -> None:
    """Return once the wake-up channel has a listener."""
    while not wake.connection().pubsub_numsub(wake.WAKE_CHANNEL)[0][1]:
        await asyncio.sleep(0.01)


@pytest.mark.redis
async def test_wake_up_rings_only_its_followers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL_SECONDS", 60)
    async with hub().follow("e:one") as one, hub().follow("e:two") as two:
        await subscribed()
        await rung(one)  # the subscription itself rings everybody: something may have been missed
        await rung(two)
        wake.ring(wake.WAKE_CHANNEL, "e:one:7")
        assert await rung(one)
        assert not two.rung.is_set()


@pytest.mark.redis
async def test_only_a_wake_up_that_may_be_its_last_rings_who_waits_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL_SECONDS", 60)
    async with hub().follow("w:one") as waiting, hub().follow("e:one") as one:
        await subscribed()
        await rung(waiting)
        await rung(one)
        wake.ring(wake.WAKE_CHANNEL, "e:one:7")
        assert await rung(one)
        assert not waiting.rung.is_set()
        wake.ring(wake.WAKE_CHANNEL, f"e:one:8{wake.OVER}")
        assert await rung(waiting)


@pytest.mark.redis
async def test_topic_ticks_without_wake_ups(fast: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.hub.Hub._subscribe", lambda self: asyncio.sleep(3600))
    async with hub().follow("e:one") as one:
        assert await rung(one)
        assert await rung(one)


async def test_redis_away_leaves_the_timer(fast: None, settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    async with hub().follow("e:one") as one:
        assert await rung(one)
        assert await rung(one)
        while "no wake-ups" not in caplog.text:
            await asyncio.sleep(0.01)


@pytest.mark.redis
async def test_lost_subscription_is_made_again_and_rings_everybody(fast: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL_SECONDS", 60)
    async with hub().follow("e:one") as one:
        await subscribed()
        await rung(one)
        recorded.cut_subscriptions()
        assert await rung(one)


@pytest.mark.redis
async def test_ticks_are_coalesced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL_SECONDS", 60)
    async with hub().follow("e:one") as one:
        for _ in range(200):
            one.topic.ring()
            await asyncio.sleep(0.001)
        assert one.topic.tick <= 200 * 0.002 / hubs.FRAME_SECONDS + 3


@pytest.mark.redis
async def test_followers_share_one_read_per_tick() -> None:
    calls: list[int] = []

    async with hub().follow("e:one") as one, hub().follow("e:one") as two:
        await asyncio.gather(one.topic.shared(calls.append, 1), two.topic.shared(calls.append, 1))
    assert calls == [1]


@pytest.mark.redis
async def test_failed_read_is_not_kept() -> None:
    answers = iter([0, 5])

    def read() -> float:
        return 25 / next(answers)

    async with hub().follow("e:one") as one:
        with pytest.raises(ZeroDivisionError):
            await one.topic.shared(read)
        assert await one.topic.shared(read) == 5


@pytest.mark.redis
async def test_nothing_is_left_when_the_last_follower_leaves() -> None:
    before = asyncio.all_tasks()
    async with hub().follow("e:one"):
        assert len(asyncio.all_tasks()) == len(before) + 2
    assert asyncio.all_tasks() == before


@pytest.mark.redis
async def test_transient_messages_are_passed_on_and_the_newest_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "POLL_SECONDS", 60)
    async with hub().follow("e:one") as one:
        await subscribed()
        await rung(one)
        for progress in (0.1, 0.2):
            message = json.dumps({"node": "a", "path": [], "progress": progress})
            wake.ring(wake.WAKE_CHANNEL, f"t:one:{message}")
        wake.ring(wake.WAKE_CHANNEL, "t:one:no json", "nonsense", "e:one:1")
        while one.topic.tick < 2:
            await rung(one)
        taken = [json.loads(text) for text in one.take_transients()]
        assert taken == [{"type": "transient", "node": "a", "path": [], "progress": 0.2}]
