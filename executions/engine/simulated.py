"""What a block may use in a simulation: no network, no files, nothing shown, and waits that take no real time."""

from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from blocks.base import BlockError, read_input
from blocks.context import Answer, Files, Secret
from executions.engine.commands import Path
from executions.engine.tables import NodePlan

#: A port and what it gives.
Output = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Timer:
    """The run waits for so long."""

    seconds: float
    key: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """The run waits for a person."""

    instructions: str
    payload: Any
    key: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """The run waits for another graph."""

    graph: int
    inputs: Mapping[str, Any]
    key: str = ""


Wait = Timer | Question | Child


class Defect(Exception):
    """The block failed in a way that its author did not expect."""


class Overtime(Exception):
    """An attempt took longer than its node may."""


#: What one try of a run gives and waits for; what a wait brought is sent into it, a BlockError is thrown.
Steps = Generator[Output | Wait, Any, None]


@dataclass(frozen=True, slots=True)
class _Awaited:
    wait: Wait

    def __await__(self) -> Generator[Wait, Any, Any]:
        return (yield self.wait)


class SimulatedFiles:
    """No files."""

    def read(self, name: str) -> bytes:
        raise BlockError(f"There is no file {name} in a simulation", retry=False)


@dataclass(slots=True)
class SimulatedContext:
    """The context of one try of one run."""

    node: str
    path: Path
    idempotency_key: str
    execution_inputs: Mapping[str, Any]
    indices: Mapping[str, tuple[int, ...]]
    attempt: int = 1
    execution_id: str = "simulated"
    user: Any = None
    http: Any = None
    files: Files = field(default_factory=SimulatedFiles)
    recorded: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        """Return after so many simulated seconds."""
        await _Awaited(Timer(seconds, key))

    async def ask(self, instructions: str, payload: Any = None, *, key: str = "") -> Answer:
        """What the simulation was told that a person decides."""
        answer: Answer = await _Awaited(Question(instructions, payload, key))
        return answer

    async def run_graph(self, graph: int, inputs: Mapping[str, Any], *, key: str = "") -> Mapping[str, Any]:
        """The outputs of another graph, simulated too."""
        outputs: Mapping[str, Any] = await _Awaited(Child(graph, inputs, key))
        return outputs

    async def credential(self, id: str, *kinds: str) -> Secret:
        """None: nothing is reached in a simulation."""
        raise BlockError("There are no credentials in a simulation", retry=False)

    def log(self, message: str, level: str = "info") -> None:
        """Drop the line."""

    def progress(self, fraction: float, text: str = "") -> None:
        """Drop the news."""

    def stream(self, port: str, chunk: str) -> None:
        """Drop the text."""

    def usage(self, **amounts: Any) -> None:
        """Count nothing."""


def steps_of(node: NodePlan, values: Mapping[str, Any], context: SimulatedContext) -> Steps:
    """What the node's block gives and waits for; whatever it raises is a failure of its run."""
    try:
        given = read_input(node.block, values)
        run = _delay if node.block_id == "core.delay" else node.block().run
        result: Any = run(given, context)
        yield from _asynchronous(result) if hasattr(result, "__anext__") else iter(result)
    except BlockError:
        raise
    except Exception as error:
        raise Defect(f"{type(error).__name__}: {error}") from error


async def _delay(given: Any, context: SimulatedContext) -> AsyncIterator[Output]:
    """`core.delay`, which looks at the real clock for short waits."""
    await context.sleep(given.seconds)
    yield "value", given.value


def _asynchronous(values: AsyncIterator[Output]) -> Steps:
    """The same for an async generator, without a loop."""
    while True:
        step = values.__anext__().__await__()
        answer: Any = None
        while True:
            try:
                wait = go_on(step, answer)
            except StopAsyncIteration:
                return
            except StopIteration as result:
                yield result.value
                break
            if not isinstance(wait, Wait):
                raise BlockError(NO_WORLD, retry=False)
            answer = yield from _asked(wait)


NO_WORLD: Final = "This block waits for something outside: give it a behaviour to simulate it"


def _asked(wait: Wait) -> Generator[Wait, Any, Any]:
    """What the wait brought, an error as a value."""
    try:
        return (yield wait)
    except BlockError as error:
        return error


def go_on(steps: Iterator[Any], answer: Any = None) -> Any:
    """The next step after a wait that brought this."""
    if isinstance(answer, BlockError) and isinstance(steps, Generator):
        return steps.throw(answer)
    return steps.send(answer) if isinstance(steps, Generator) else next(steps)


def without(steps: Iterator[Any], recorded: Iterable[Output]) -> Steps:
    """The steps of a new try without the values that are recorded: the first ones of each port are."""
    left = Counter(port for port, _ in recorded)
    answer: Any = None
    while True:
        try:
            step = go_on(steps, answer)
        except StopIteration:
            return
        answer = None
        if isinstance(step, Wait):
            answer = yield from _asked(step)
        elif left[step[0]]:
            left[step[0]] -= 1
        else:
            yield step
