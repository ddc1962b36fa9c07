"""Blocks that wait, in memory: a clock, people and other graphs, without a loop."""

from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.base import BlockError
from blocks.context import Answer
from executions.engine.simulate import SimulatedContext

Output = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Timer:
    """Wait for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Question:
    """Wait for a person."""

    payload: Any


@dataclass(frozen=True, slots=True)
class Child:
    """Wait for another graph."""

    graph: int
    inputs: Mapping[str, Any]


Wait = Timer | Question | Child


class Waits(Exception):
    """The block waits; it goes on when it is stepped again."""

    def __init__(self, wait: Wait) -> None:
        super().__init__()
        self.wait = wait


@dataclass(slots=True)
class _Pause:
    wait: Wait

    def __await__(self) -> Generator[Wait, Any, Any]:
        return (yield self.wait)


@dataclass(slots=True)
class WaitingContext(SimulatedContext):
    """A context whose waits end when the simulation says so."""

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        await _Pause(Timer(seconds))

    async def ask(self, instructions: str, payload: Any = None, *, key: str = "") -> Answer:
        answer: Answer = await _Pause(Question(payload))
        return answer

    async def run_graph(self, graph: int, inputs: Mapping[str, Any], *, key: str = "") -> Mapping[str, Any]:
        outputs: Mapping[str, Any] = await _Pause(Child(graph, inputs))
        return outputs


@dataclass(slots=True)
class Work(Iterator[Output]):
    """The values of one try of a run, step by step, without the ones that are known already."""

    values: Generator[Output | Wait, Any, None]
    known: dict[str, int] = field(default_factory=dict)
    #: What the wait gave: sent, or raised, at the next step.
    answer: Any = None

    def __next__(self) -> Output:
        while True:
            answer, self.answer = self.answer, None
            step = self.values.throw(answer) if isinstance(answer, BlockError) else self.values.send(answer)
            if isinstance(step, Wait):
                raise Waits(step)
            if not self.known.get(step[0]):
                return step
            self.known[step[0]] -= 1


def steps(values: AsyncIterator[Output]) -> Generator[Output | Wait, Any, None]:
    """What an async generator yields and waits for; whatever it raises is a failure of its run."""
    try:
        while True:
            try:
                yield (yield from values.__anext__().__await__())
            except StopAsyncIteration:
                return
    except BlockError:
        raise
    except Exception as error:
        raise BlockError(f"{type(error).__name__}: {error}", retry=False) from error
