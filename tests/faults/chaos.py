"""Breaks a busy rig at random, from a seed that is printed and can be given again, and reports what came of it.

The variables FAULTS_SEED, FAULTS_EXECUTIONS, FAULTS_KILLS and so on (`Dose`) change a dose.
"""

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from executions.models import Execution
from tests.faults import oracle
from tests.faults.effects import Effects
from tests.faults.followers import Followers
from tests.faults.load import Load, steadily
from tests.faults.processes import Process
from tests.faults.recovery import HEAD, Fault, Figures, figures
from tests.faults.rig import Rig
from tests.faults.workload import Workload

#: The part of a lease that a paused worker sleeps beyond it.
ZOMBIE_LEASES = 1.7
#: The history of a run that stood still longer is told.
SLOW_SECONDS = 10.0
#: Executions that are not over.
ACTIVE = Q(ended_at=None)
#: Without an end of any execution for so long, those that are left are stuck.
STUCK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Dose:
    """How much is run and broken; each number can be set by FAULTS_<NAME>."""

    #: At least so many; a load is kept up until everything is broken.
    executions: int = 120
    at_once: int = 20
    kills: int = 3
    zombies: int = 1
    terms: int = 2
    postgres_restarts: int = 1
    redis_flushes: int = 1
    redis_restarts: int = 1
    web_kills: int = 1
    node_kills: int = 1
    #: Between two faults, on average.
    pause_seconds: float = 0.8

    @classmethod
    def read(cls, default: "Dose") -> "Dose":
        """The default, changed by the environment."""
        given = {field.name: os.environ.get(f"FAULTS_{field.name.upper()}") for field in fields(cls)}
        return cls(
            **{
                field.name: type(getattr(default, field.name))(given[field.name] or getattr(default, field.name))
                for field in fields(cls)
            }
        )

    def faults(self, chance: random.Random) -> list[str]:
        """Kinds of faults in a random order."""
        kinds = {
            "kill": self.kills,
            "zombie": self.zombies,
            "term": self.terms,
            "postgres": self.postgres_restarts,
            "flush": self.redis_flushes,
            "redis": self.redis_restarts,
            "web": self.web_kills,
            "nodes": self.node_kills,
        }
        order = [kind for kind, times in kinds.items() for _ in range(times)]
        chance.shuffle(order)
        return order


SHORT = Dose()
LONG = Dose(
    executions=10_000,
    at_once=25,
    kills=200,
    zombies=50,
    terms=40,
    postgres_restarts=20,
    redis_flushes=20,
    redis_restarts=10,
    web_kills=10,
    node_kills=20,
    pause_seconds=2.5,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a dose."""

    seed: int
    dose: Dose
    seconds: float
    executions: int
    verdict: oracle.Verdict
    figures: list[Figures]
    #: Workers that ended themselves.
    crashes: int
    #: Effects on the other side, and how many of them happened again, with the same key.
    effects: int
    repeats: int

    def __str__(self) -> str:
        counts = ", ".join(f"{kind} {len(found)}" for kind, found in self.verdict.items())
        examples = [f"  {kind}: {what}" for kind, found in self.verdict.items() for what in found[:5]]
        head = f"seed {self.seed}, {self.dose}, {self.seconds:.0f} s, {self.executions} executions with children"
        ends = f"effects {self.effects}, repeats {self.repeats}; workers that ended themselves {self.crashes}"
        slow = [
            f"  the longest after {figure.kind}, {figure.worst[0]:.1f} s:\n{figure.worst[1]}"
            for figure in self.figures
            if figure.worst[0] > SLOW_SECONDS
        ]
        return "\n".join(["", head, counts, *examples, ends, HEAD, *map(str, self.figures), *slow])

    @property
    def problems(self) -> list[str]:
        return [f"{kind}: {what}" for kind, found in self.verdict.items() for what in found]


class Nemesis(threading.Thread):
    """Carries out the faults of a dose, one after the other; workers are paused beside them."""

    def __init__(self, rig: Rig, dose: Dose, chance: random.Random, *, lease_seconds: float) -> None:
        super().__init__(name="nemesis", daemon=True)
        self.faults: list[Fault] = []
        self.error: BaseException | None = None
        self._rig = rig
        self._dose = dose
        self._chance = chance
        self._zombie_seconds = lease_seconds * ZOMBIE_LEASES
        self._pausing: list[threading.Thread] = []
        self._paused: set[Process] = set()

    def run(self) -> None:
        try:
            for kind in self._dose.faults(self._chance):
                time.sleep(self._chance.uniform(0.2, 1.8) * self._dose.pause_seconds)
                getattr(self, f"_{kind}")()
            for thread in self._pausing:
                thread.join()
        except BaseException as error:  # noqa: BLE001 - the harness must not pass because it did nothing
            self.error = error
        finally:
            connection.close()

    def _kill(self) -> None:
        worker = self._victim()
        with self._fault("kill", _held_by(worker)):
            worker.kill()

    def _term(self) -> None:
        worker = self._victim()
        with self._fault("term", _held_by(worker)):
            worker.terminate()

    def _zombie(self) -> None:
        worker = self._victim()
        self._paused.add(worker)
        with self._fault("zombie", _held_by(worker), lasts_seconds=self._zombie_seconds):
            worker.pause()

        def resume() -> None:
            time.sleep(self._zombie_seconds)
            worker.resume()
            self._paused.discard(worker)

        self._pausing.append(threading.Thread(target=resume, name="pause", daemon=True))
        self._pausing[-1].start()

    def _postgres(self) -> None:
        """What counts is the time since it accepts again."""
        self._rig.postgres.crash()
        time.sleep(self._chance.uniform(0, 1))
        self._rig.postgres.start()
        with self._fault("postgres", ACTIVE):
            pass

    def _flush(self) -> None:
        with self._fault("flush", ACTIVE):
            self._rig.redis.flush()

    def _redis(self) -> None:
        """Crashed, and back with nothing."""
        with self._fault("redis", ACTIVE):
            self._rig.redis.crash()
            self._rig.redis.empty()
            time.sleep(self._chance.uniform(0, 1))
            self._rig.redis.start()

    def _web(self) -> None:
        with self._fault("web", Q(pk=None)):
            if self._rig.web:
                self._rig.web.kill()

    def _nodes(self) -> None:
        with self._fault("nodes", ACTIVE & Q(node_jobs__ended_at=None, node_jobs__claimed_at__isnull=False)):
            self._chance.choice(self._rig.node_workers).kill()

    @contextmanager
    def _fault(self, kind: str, where: Q, *, lasts_seconds: float = 0.0) -> Iterator[None]:
        """Note who has something under way there just before it breaks."""
        near = Execution.objects.filter(ACTIVE & where)
        under_way = near.filter(node_executions__status__in=("running", "queued")).exclude(status="waiting")
        hit, around = _ids(under_way), _ids(near)
        at = time.time()
        yield
        self.faults.append(Fault(kind, at, hit, around, at + lasts_seconds))

    def _victim(self) -> Process:
        """A worker at work; at least one other one is, too."""
        while True:
            awake = [worker for worker in self._rig.workers if worker not in self._paused and _is_at_work(worker)]
            if len(awake) > 1:
                return self._chance.choice(awake)
            time.sleep(0.1)


def _ids(executions: "QuerySet[Execution]") -> frozenset[UUID]:
    return frozenset(steadily(lambda: list(executions.values_list("pk", flat=True))))


def _is_at_work(worker: Process) -> bool:
    return steadily(lambda: worker.is_at_work)


def _held_by(worker: Process) -> Q:
    return Q(holder__process_id=worker.pid or 0, holder__stopped_at=None)


def run(rig: Rig, effects: Effects, dose: Dose, seed: int, *, lease_seconds: float) -> Report:
    """Run a dose on a rig that has just started."""
    chance = random.Random(seed)
    workload = Workload(rig.owner)
    load = Load(
        rig, workload, effects, count=dose.executions, at_once=dose.at_once, chance=random.Random(chance.random())
    )
    followers = Followers(load.started, random.Random(chance.random()))
    nemesis = Nemesis(rig, dose, random.Random(chance.random()), lease_seconds=lease_seconds)
    began = time.monotonic()
    followers.start()
    nemesis.start()
    load.run(more=nemesis.is_alive, seconds=STUCK_SECONDS)
    nemesis.join()
    if nemesis.error:
        raise nemesis.error
    seconds = time.monotonic() - began
    missed = followers.finish()
    verdict = oracle.judge(rig, workload, effects, load.started) | {"missed": missed}
    crashes = sum(death.code == 70 for worker in rig.workers for death in worker.deaths)
    return Report(
        seed,
        dose,
        seconds,
        Execution.objects.count(),
        verdict,
        figures(rig, nemesis.faults),
        crashes,
        len(seen := effects.by_key()),
        sum(len(times) - 1 for times in seen.values()),
    )
