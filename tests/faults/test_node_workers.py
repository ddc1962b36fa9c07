"""Node workers and their forked processes killed at random: every node has one accepted result, soon."""

import itertools
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.db.models import Count
from pytest_django import DjangoDbBlocker

from executions import services
from executions.engine.status import Status
from executions.models import Execution, NodeExecution, NodeJob, Output
from tests.executions.hosting import drawn
from tests.faults.figures import shown
from tests.faults.rig import Rig
from tests.faults.servers import Servers
from tests.faults.stamps import FILE, stamps
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.faults]

REPLACED_WITHIN_SECONDS = 30.0
SEED = random.randrange(10**6)


@pytest.fixture(scope="module")
def rig(
    rig_servers: Servers, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("nodes")
    environment = {FILE: str(folder / "stamps")}
    modules = "tests.faults.blocks,tests.faults.stamps"
    with django_db_blocker.unblock():
        rig = Rig(rig_servers, folder, workers=1, node_workers=2, block_modules=modules, environment=environment)
        with rig:
            yield rig


def kill_somebody(rig: Rig, chance: random.Random) -> bool:
    """A worker, or the process that it has forked for a node; whether there was anybody."""
    if chance.random() < 0.5:
        return chance.choice(rig.node_workers).kill() is not None
    running = NodeJob.objects.filter(claimed_at__isnull=False, ended_at=None).exclude(claimed_by="")
    holders = list(running.values_list("claimed_by", flat=True))
    if not holders:
        return False
    with suppress(ProcessLookupError):
        os.kill(int(chance.choice(holders).rpartition("-")[2]), signal.SIGKILL)
        return True
    return False


def assert_each_has_one_result(rig: Rig, nodes: int, kills: int, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(SEED)
    graph = drawn(rig.owner, {"do": ("stamp.process", {"seconds": 0.5, "value": 7})})
    executions = services.start_executions(graph, user=rig.owner, inputs_list=[{}] * nodes)
    mine = Execution.objects.filter(pk__in=[execution.pk for execution in executions])
    killed = 0
    while killed < kills and mine.filter(ended_at=None).exists():
        time.sleep(chance.uniform(0.2, 1.5))
        killed += kill_somebody(rig, chance)
    until(lambda: not mine.filter(ended_at=None).exists(), seconds=REPLACED_WITHIN_SECONDS * 3 + nodes)
    with capsys.disabled():
        print("\n" + shown(f"{killed} kills of node workers (seed {SEED}): node lost to begun anew", gaps(rig)))  # noqa: T201
    failed = mine.exclude(status=Status.COMPLETED)
    # Three processes lost in a row are the node's own fault, as far as anybody can tell.
    assert all("ended 3 times" in str(execution.error) for execution in failed), f"seed {SEED}"
    assert failed.count() <= kills // 3
    assert not Output.objects.filter(execution__in=mine).values("execution").annotate(many=Count("pk")).exclude(many=1)
    assert Output.objects.filter(execution__in=mine).count() == nodes - failed.count()
    assert NodeExecution.objects.filter(execution__in=mine).count() == nodes
    assert max(gaps(rig), default=0) <= REPLACED_WITHIN_SECONDS, f"seed {SEED}"
    assert not NodeJob.objects.filter(execution__in=mine).exists()


def gaps(rig: Rig) -> list[float]:
    """Between the beginnings of one node, where it had to begin more than once."""
    begun: dict[str, list[float]] = {}
    for stamp in stamps(rig.folder / "stamps"):
        begun.setdefault(stamp.key, []).append(stamp.at)
    return [later - earlier for each in begun.values() for earlier, later in itertools.pairwise(each)]


def test_nodes_have_one_result_whoever_is_killed(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert_each_has_one_result(rig, 20, 5, capsys)


@pytest.mark.slow
def test_thousand_nodes_have_one_result_whoever_is_killed(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert_each_has_one_result(rig, 1_000, 150, capsys)
