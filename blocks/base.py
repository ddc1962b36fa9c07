"""What a block is: typed ports, an effect class, where it runs, and a `run` that yields `(port, value)`."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from blocks.context import BlockContext
from blocks.costs import Cost
from blocks.credential import Credential

__all__ = [
    "ERROR_PORT",
    "PORT_NAME",
    "Block",
    "BlockContext",
    "BlockError",
    "BlockInput",
    "BlockOutput",
    "Collect",
    "Cost",
    "Credential",
    "Effect",
    "Example",
    "Gather",
    "Outputs",
    "Port",
    "PortKind",
    "RunsIn",
    "Stream",
    "SyncOutputs",
    "read_input",
    "title_of",
]

T = TypeVar("T")


class Effect(StrEnum):
    """What a crash may do to a block: recompute it, repeat it, or never repeat it."""

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


class RunsIn(StrEnum):
    """Where a block runs: on the worker's event loop, in a thread, or in a killable process."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"


class PortKind(StrEnum):
    """How many values a port carries: one, one per item, all of a loop, or all living branches."""

    VALUE = "value"
    STREAM = "stream"
    COLLECT = "collect"
    GATHER = "gather"


Stream = Annotated[T, PortKind.STREAM]
Collect = Annotated[list[T], PortKind.COLLECT]
Gather = Annotated[list[T], PortKind.GATHER]

#: Wrong fields that one message names.
MAX_PROBLEMS = 5

#: What may name a port.
PORT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Every block has this output port: `{message, kind, block, attempt}` of a failed run.
ERROR_PORT = "error"


def title_of(name: str) -> str:
    """What people read for a name in code: `at_once` -> "At once"."""
    return name.replace("_", " ").strip().capitalize()


class BlockError(Exception):
    """The block could not do its work; the message is what a user reads."""

    def __init__(self, message: str, *, retry: bool = True, after_seconds: float = 0) -> None:
        super().__init__(message)
        self.message = message
        self.retry = retry
        #: Another try is of no use before.
        self.after_seconds = after_seconds


class BlockInput(BaseModel):
    """Base of a block's `Input`: one field per input port; defaults make ports optional."""

    model_config = ConfigDict(
        extra="forbid",
        arbitrary_types_allowed=False,
        strict=False,
        field_title_generator=lambda name, _: title_of(name),
    )


class BlockOutput(BaseModel):
    """Base of a block's `Output`: one annotation per output port; never instantiated."""


@dataclass(frozen=True, slots=True)
class Port:
    """One named input or output of a block."""

    name: str
    #: JSON Schema of one value; for Stream, Collect and Gather of one item.
    schema: Mapping[str, Any]
    kind: PortKind = PortKind.VALUE
    #: An input without a default: it needs a link or a config value.
    required: bool = False
    default: Any = None
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """Inputs and the outputs they must give; shown in the palette and run as a test.

    A stream port's expected value is the list of its items. An error is expected by `error`, a part of its message.
    """

    input: Mapping[str, Any]
    output: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    error: str = ""
    #: Execution inputs (for `io.input`) and the item indices of Collect ports.
    execution_inputs: Mapping[str, Any] = field(default_factory=dict)
    indices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    #: Only the ports named in `output` are compared: the others depend on the moment.
    partial: bool = False


Outputs = AsyncIterator[tuple[str, Any]]
SyncOutputs = Iterator[tuple[str, Any]]


class Block:
    """A kind of step. Subclasses set `id`, `category`, `Input`, `Output` and `run`.

    `run` is an async generator of `(port, value)`; blocks that run in a thread or a process define a plain generator.
    """

    id: ClassVar[str]
    category: ClassVar[str]
    #: What people read in the palette; from the class name when empty.
    title: ClassVar[str] = ""
    #: Name of a lucide icon, shown in a tile of the category's tint.
    icon: ClassVar[str] = "box"
    version: ClassVar[int] = 1
    effect: ClassVar[Effect] = Effect.IDEMPOTENT
    runs_in: ClassVar[RunsIn] = RunsIn.ASYNC
    examples: ClassVar[list[Example]] = []
    #: What a run costs: the first entry that fits its inputs (`blocks.costs`). Empty: nothing.
    costs: ClassVar[list[Cost]] = []
    #: Its `run` looks at `context.recorded` and yields only what is missing; else a new try's first values are dropped.
    resumes: ClassVar[bool] = False
    #: Besides its declared ports any name may be linked: what it takes or gives is known elsewhere, or when it runs.
    open_inputs: ClassVar[bool] = False
    open_outputs: ClassVar[bool] = False
    #: Why the block cannot run here (a missing library, say); shown in the palette. Empty: it can.
    disabled_reason: ClassVar[str] = ""

    class Input(BlockInput):
        """No inputs."""

    class Output(BlockOutput):
        """No outputs."""

    def run(self, input: Any, context: BlockContext) -> Any:
        """Yield `(port, value)` pairs; raise `BlockError` for what a user may read."""
        raise NotImplementedError

    @classmethod
    def migrate(cls, config: dict[str, Any], from_version: int) -> dict[str, Any]:
        """Config saved with an older version of the block -> config for this one."""
        return config

    @classmethod
    def input_ports(cls, config: Mapping[str, Any]) -> tuple[Port, ...]:
        """Input ports in order; a block whose ports depend on its config overrides this."""
        return _ports(cls.Input, is_input=True)

    @classmethod
    def output_ports(cls, config: Mapping[str, Any]) -> tuple[Port, ...]:
        """Output ports in order, without the implicit error port."""
        return _ports(cls.Output, is_input=False)

    @classmethod
    def display_title(cls) -> str:
        """The name in the palette."""
        return cls.title or cls.__name__

    @classmethod
    def description(cls) -> str:
        """The class docstring, unwrapped."""
        return " ".join((cls.__doc__ or "").split())


@cache
def _ports(model: type[BaseModel], *, is_input: bool) -> tuple[Port, ...]:
    return tuple(_port(name, info, is_input=is_input) for name, info in model.model_fields.items())


def _port(name: str, info: FieldInfo, *, is_input: bool) -> Port:
    kind = next((m for m in info.metadata if isinstance(m, PortKind)), PortKind.VALUE)
    annotation = info.annotation
    if kind in (PortKind.COLLECT, PortKind.GATHER) and get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    plain = [m for m in info.metadata if not isinstance(m, PortKind)]
    typed: Any = Annotated[annotation, *plain] if plain and kind is PortKind.VALUE else annotation
    required = is_input and info.is_required()
    schema = TypeAdapter(typed).json_schema() if annotation is not Any else {}
    if isinstance(info.json_schema_extra, dict):
        schema |= info.json_schema_extra
    return Port(
        name=name,
        schema=schema,
        kind=kind,
        required=required,
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        title=info.title or title_of(name),
        description=info.description or "",
    )


def read_input(block: type[Block], values: Mapping[str, Any]) -> Any:
    """The block's `Input` from assembled values.

    Raises:
        BlockError: a value is missing or wrong; the message names each field.
    """
    try:
        return block.Input.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        sentences = [_sentence(problem) for problem in problems[:MAX_PROBLEMS]]
        if len(problems) > MAX_PROBLEMS:
            sentences.append(f"And {len(problems) - MAX_PROBLEMS} more.")
        raise BlockError(" ".join(sentences), retry=False) from None


def _sentence(problem: Mapping[str, Any]) -> str:
    """One problem of pydantic in words: such as “seconds”: must be a number."""
    name, *rest = (str(part) for part in problem["loc"]) if problem["loc"] else ("",)
    message = str(problem["msg"]).removeprefix("Value error, ")
    where = f"“{'.'.join((name, *rest))}”: " if name else ""
    return f"{where}{message[:1].lower() if where else message[:1].upper()}{message[1:]}."
