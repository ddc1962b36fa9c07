"""How long runs stand still after a fault: from the fault to what they record next."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from uuid import UUID

from tests.faults import audit
from tests.faults.rig import Rig


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was broken, and the executions that had something under way there."""

    kind: str
    #: By the clock of the database, which runs on this machine.
    at: float
    hit: frozenset[UUID]
    #: All executions that were active there, also those that only waited.
    near: frozenset[UUID]
    #: For a pause: until when it lasted. Faults do not overlap else.
    ended_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of all executions that one kind of fault has hit; those that another one hit meanwhile are apart."""

    kind: str
    faults: int
    seconds: tuple[float, ...]
    stacked: tuple[float, ...]
    #: The history of the execution that stood still longest, and how long that was.
    worst: tuple[float, str]

    def __str__(self) -> str:
        alone, both = _shown(self.seconds), _shown(self.stacked)
        return f"{self.kind:14}{self.faults:>7}{len(self.seconds):>7}{alone}{len(self.stacked):>9}{both}"

    @property
    def p99(self) -> float:
        return _quantile(self.seconds, 99)


HEAD = f"{'fault':14}{'times':>7}{'hit':>7}{'p50':>8}{'p99':>8}{'max':>8}{'stacked':>9}{'p50':>8}{'p99':>8}{'max':>8}"


def figures(rig: Rig, faults: Sequence[Fault]) -> list[Figures]:
    """By kind of fault, in the order in which the kinds came first."""
    alone: dict[str, list[tuple[float, Fault, UUID]]] = {fault.kind: [] for fault in faults}
    stacked: dict[str, list[float]] = {fault.kind: [] for fault in faults}
    with rig.postgres.connect() as connection:
        for fault in faults:
            for id, first in audit.first_after(connection, fault.at, list(fault.hit)).items():
                if _is_stacked(fault, id, first, faults):
                    stacked[fault.kind].append(first - fault.at)
                else:
                    alone[fault.kind].append((first - fault.at, fault, id))
        found = []
        for kind, hits in alone.items():
            worst = max(hits, key=lambda hit: hit[0], default=None)
            history = audit.history(connection, worst[2], worst[1].at) if worst else ""
            found.append(
                Figures(
                    kind,
                    sum(fault.kind == kind for fault in faults),
                    tuple(seconds for seconds, *_ in hits),
                    tuple(stacked[kind]),
                    (worst[0] if worst else 0.0, history),
                )
            )
    return found


def _is_stacked(fault: Fault, id: UUID, first: float, faults: Sequence[Fault]) -> bool:
    """Another fault hit it before it had recovered, or was still going on."""
    others = (other for other in faults if other is not fault and id in other.near)
    return any(fault.at < other.at < first or other.at < fault.at < other.ended_at for other in others)


def _shown(seconds: Sequence[float]) -> str:
    if not seconds:
        return f"{'-':>8}" * 3
    return "".join(f"{value:8.2f}" for value in (_quantile(seconds, 50), _quantile(seconds, 99), max(seconds)))


def _quantile(seconds: Sequence[float], percent: int) -> float:
    if len(seconds) < 2:
        return max(seconds, default=0.0)
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]
