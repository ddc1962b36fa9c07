"""Which blocks there are: discovery, look-up by id, and the catalogue JSON of one block."""

import inspect
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from blocks.base import ERROR_PORT, PORT_NAME, Block, BlockInput, BlockOutput, Effect, Port, PortKind, RunsIn

logger = logging.getLogger(__name__)

#: Modules with the core blocks, in palette order.
CORE = tuple(
    f"blocks.{family}"
    for family in (
        "io",
        "core",
        "logic",
        "graph",
        "math",
        "text",
        "list",
        "dict",
        "json",
        "data",
        "sql",
        "web",
        "mail",
        "ai",
        "time",
    )
)
#: Categories in palette order; those of third-party blocks follow by name.
CATEGORIES = ("Input & output", "Core", "Logic", "Math", "Text", "List", "Dict", "Data", "Web", "AI", "Time")
ENTRY_POINTS = "agentflow.blocks"

_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class UnknownBlockError(KeyError):
    """No block has this id."""

    def __str__(self) -> str:
        return f"There is no block “{self.args[0]}”."


class InvalidBlockError(Exception):
    """The class is not a usable block; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Blocks by id, in palette order, and what could not be loaded."""

    blocks: Mapping[str, type[Block]] = field(default_factory=dict)
    #: Module or class -> why its blocks are missing.
    disabled: Mapping[str, str] = field(default_factory=dict)

    def get(self, block_id: str) -> type[Block]:
        """The block with this id.

        Raises:
            UnknownBlockError: there is none.
        """
        try:
            return self.blocks[block_id]
        except KeyError:
            raise UnknownBlockError(block_id) from None

    def find(self, block_id: str) -> type[Block] | None:
        """The block with this id, or None."""
        return self.blocks.get(block_id)

    def all(self) -> tuple[type[Block], ...]:
        """Every block in palette order."""
        return tuple(self.blocks.values())

    def categories(self) -> tuple[str, ...]:
        """Categories that have a block, in palette order."""
        return tuple(dict.fromkeys(block.category for block in self.blocks.values()))


class _Loader:
    """Collects blocks from modules; whatever fails is noted with its reason instead of raised."""

    def __init__(self) -> None:
        self.found: dict[str, type[Block]] = {}
        self.disabled: dict[str, str] = {}

    def add_module(self, name: str) -> None:
        try:
            module = import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever a foreign module raises must not stop the rest
            self._disable(name, error)
        else:
            self._add_all(blocks_in(module))

    def add_entry_points(self) -> None:
        for point in entry_points(group=ENTRY_POINTS):
            try:
                loaded = point.load()
            except Exception as error:  # noqa: BLE001 - as above
                self._disable(point.value, error)
                continue
            self._add_all(blocks_in(loaded) if isinstance(loaded, ModuleType) else [loaded])

    def _add_all(self, candidates: Iterable[Any]) -> None:
        for candidate in candidates:
            try:
                block = check(candidate)
                taken = self.found.setdefault(block.id, block)
                if taken is not block:
                    raise InvalidBlockError(f"the id {block.id} is taken by {_where(taken)}")
            except Exception as error:  # noqa: BLE001 - its ports and its schema are foreign code too
                self._disable(_where(candidate), error)

    def _disable(self, name: str, error: Exception) -> None:
        self.disabled[name] = str(error) if isinstance(error, InvalidBlockError) else f"{type(error).__name__}: {error}"
        logger.warning("blocks disabled", extra={"action": "blocks_disabled", "source": name, "reason": str(error)})

    def registry(self) -> Registry:
        names = (*CATEGORIES, *sorted({b.category for b in self.found.values()} - set(CATEGORIES)))
        ordered = sorted(self.found.values(), key=lambda block: names.index(block.category))
        return Registry({block.id: block for block in ordered}, dict(self.disabled))


def load(modules: Sequence[str] = ()) -> Registry:
    """Core blocks, entry points `agentflow.blocks`, then the modules named; failures are recorded, not raised."""
    loader = _Loader()
    for name in CORE:
        loader.add_module(name)
    loader.add_entry_points()
    for name in modules:
        loader.add_module(name)
    return loader.registry()


def blocks_in(module: ModuleType) -> Iterator[type[Block]]:
    """Block classes that the module defines itself, in order; bases without an id are left out."""
    for value in vars(module).values():
        if (
            inspect.isclass(value)
            and issubclass(value, Block)
            and value.__module__ == module.__name__
            and "id" in vars(value)
        ):
            yield value


def check(block: Any) -> type[Block]:
    """The class itself, when it has everything that the palette, the checker and the worker rely on.

    Raises:
        InvalidBlockError: something is missing or contradictory.
        Exception: whatever the block's own methods raise.
    """
    if not (inspect.isclass(block) and issubclass(block, Block)):
        raise InvalidBlockError(f"{block!r} is not a subclass of Block")
    for problem in _problems(block):
        raise InvalidBlockError(f"{_where(block)}: {problem}")
    describe(block)
    return block


def _problems(block: Any) -> Iterator[str]:
    if not _ID.fullmatch(getattr(block, "id", "")):
        yield "the id must look like family.name, in lower case"
    if not getattr(block, "category", ""):
        yield "a category is needed"
    if block.__doc__ is None or not block.description():
        yield "a docstring is needed; it is the description in the palette"
    if not (issubclass(block.Input, BlockInput) and issubclass(block.Output, BlockOutput)):
        yield "Input must be a BlockInput and Output a BlockOutput"
    if not (isinstance(block.effect, Effect) and isinstance(block.runs_in, RunsIn)):
        yield "effect and runs_in take the members of Effect and RunsIn"
    yield from _run_problems(block)
    if block.open_inputs and block.Input.model_config.get("extra") != "allow":
        yield 'open_inputs needs an Input with model_config = ConfigDict(extra="allow")'
    yield from _port_problems(block)


def _run_problems(block: type[Block]) -> Iterator[str]:
    if block.runs_in is RunsIn.ASYNC and not inspect.isasyncgenfunction(block.run):
        yield "run must be an async generator (async def with yield), or runs_in must be thread or process"
    if block.runs_in is not RunsIn.ASYNC and not inspect.isgeneratorfunction(block.run):
        yield f"run must be a plain generator (def with yield) because runs_in is {block.runs_in}"


def _port_problems(block: type[Block]) -> Iterator[str]:
    outputs = block.output_ports({})
    for port in (*block.input_ports({}), *outputs):
        if not PORT_NAME.fullmatch(port.name):
            yield f"the port name {port.name!r} must be letters, digits and _"
    if any(port.name == ERROR_PORT for port in outputs):
        yield f"the output port {ERROR_PORT} exists on every block and cannot be declared"
    if any(port.kind in (PortKind.COLLECT, PortKind.GATHER) for port in outputs):
        yield "Collect and Gather are for inputs"


def _where(block: Any) -> str:
    return f"{getattr(block, '__module__', '?')}.{getattr(block, '__qualname__', repr(block))}"


_current: Registry | None = None


def configure(modules: Sequence[str]) -> Registry:
    """Load the registry that `registry()` gives from now on, with the installation's own modules."""
    global _current
    _current = load(modules)
    return _current


def registry() -> Registry:
    """The process's registry; the core and the entry points when nothing was configured."""
    return _current if _current is not None else configure(())


def describe(block: type[Block]) -> dict[str, Any]:
    """Catalogue JSON of a block: what the palette, the inspector's form and the API show."""
    return {
        "id": block.id,
        "version": block.version,
        "title": block.display_title(),
        "category": block.category,
        "icon": block.icon,
        "description": block.description(),
        "effect": block.effect.value,
        "runs_in": block.runs_in.value,
        "inputs": [describe_port(port) for port in block.input_ports({})],
        "outputs": [describe_port(port) for port in block.output_ports({})],
        "config_schema": block.Input.model_json_schema(),
        "dynamic_inputs": block.open_inputs or _overrides(block, "input_ports"),
        "dynamic_outputs": block.open_outputs or _overrides(block, "output_ports"),
        "open_inputs": block.open_inputs,
        "open_outputs": block.open_outputs,
        "examples": [
            {"title": example.title, "input": dict(example.input), "output": dict(example.output)}
            for example in block.examples
            if not example.error
        ],
        "disabled_reason": block.disabled_reason,
    }


def describe_port(port: Port) -> dict[str, Any]:
    """JSON of one port, as in the catalogue and in a graph's resolved ports."""
    return {
        "name": port.name,
        "title": port.title,
        "description": port.description,
        "kind": port.kind.value,
        "schema": dict(port.schema),
        "required": port.required,
        "default": port.default,
    }


def _overrides(block: type[Block], method: str) -> bool:
    return getattr(block, method).__func__ is not getattr(Block, method).__func__
