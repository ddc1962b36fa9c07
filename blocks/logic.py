"""Deciding, repeating, collecting and joining."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from blocks.base import (
    ERROR_PORT,
    Block,
    BlockContext,
    BlockError,
    BlockInput,
    BlockOutput,
    Collect,
    Effect,
    Example,
    Gather,
    Outputs,
    Port,
    Stream,
)
from blocks.forms import GRAPH, SETTING, TEXTAREA
from blocks.patterns import search
from blocks.values import Integer, equal, is_number, parse_json, show, type_name

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "contains", "matches", "is_empty", "is_true"]

MAX_CASES = 100
DEFAULT_PORT = "default"


class If(Block):
    """Compare a value and send it on by `true` or by `false`.

    Comparison is strict: the text "5" is not the number 5, and only numbers compare with numbers and text with text.
    """

    id = "logic.if"
    title = "If"
    category = "Logic"
    icon = "git-branch"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any = Field(description="What is looked at.")
        operator: Operator = Field(
            "==", description="matches: a regular expression found anywhere; is_empty: null, no text, no members."
        )
        other: Any = Field(
            None,
            description="What it is compared with; not used by is_empty and is_true.",
        )
        payload: Any = Field(None, description="Sent on instead of the value when something is linked or set here.")

    class Output(BlockOutput):
        true: Any
        false: Any
        result: bool

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        result = await compare(input.value, input.operator, input.other)
        yield "result", result
        yield ("true" if result else "false"), (input.payload if "payload" in input.model_fields_set else input.value)

    examples: ClassVar[list[Example]] = [
        Example({"value": 12, "operator": ">=", "other": 10}, {"true": 12, "result": True}, title="A threshold"),
        Example({"value": "5", "other": 5}, {"false": "5", "result": False}, title="Text is not a number"),
        Example({"value": 1, "other": 1.0}, {"true": 1, "result": True}),
        Example({"value": 1, "operator": "is_true"}, {"false": 1, "result": False}, title="Only true is true"),
        Example({"value": 0, "operator": "is_empty"}, {"false": 0, "result": False}, title="Zero is not empty"),
        Example(
            {"value": "invoice 42", "operator": "matches", "other": r"\d+$"}, {"true": "invoice 42", "result": True}
        ),
        Example({"value": [1, 2], "operator": "contains", "other": "1"}, {"false": [1, 2], "result": False}),
        Example(
            {"value": 3, "operator": "<", "other": 5, "payload": {"id": 7}},
            {"true": {"id": 7}, "result": True},
            title="Send something else on",
        ),
        Example({"value": "12", "operator": "<", "other": 5}, error='Cannot compare "12" with 5'),
    ]


def _less(a: Any, b: Any) -> bool:
    if not ((is_number(a) and is_number(b)) or (isinstance(a, str) and isinstance(b, str))):
        raise BlockError(
            f"Cannot compare {show(a)} with {show(b)}: they are {type_name(a)} and {type_name(b)}; "
            "compare numbers with numbers or text with text.",
            retry=False,
        )
    return bool(a < b)


def _contains(value: Any, other: Any) -> bool:
    if isinstance(value, str) and isinstance(other, str):
        return other in value
    if isinstance(value, list):
        return any(equal(member, other) for member in value)
    if isinstance(value, dict) and isinstance(other, str):
        return other in value
    raise BlockError(
        f"Cannot look for {show(other)} in {show(value)}: text is found in text, anything in a list, a key in a dict.",
        retry=False,
    )


def _is_empty(value: Any, other: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": equal,
    "!=": lambda a, b: not equal(a, b),
    "<": _less,
    "<=": lambda a, b: not _less(b, a),
    ">": lambda a, b: _less(b, a),
    ">=": lambda a, b: not _less(a, b),
    "contains": _contains,
    "is_empty": _is_empty,
    "is_true": lambda value, _: value is True,
}


async def compare(value: Any, operator: Operator, other: Any) -> bool:
    """Whether the comparison holds.

    Raises:
        BlockError: the two cannot be compared so, or the pattern is wrong or too slow.
    """
    if operator != "matches":
        return _COMPARE[operator](value, other)
    if not isinstance(value, str) or not isinstance(other, str):
        raise BlockError(f"matches needs two texts, not {show(value)} and {show(other)}.", retry=False)
    return await search(other, value)


class Switch(Block):
    """Send a value on by the port of the case that it equals, or by `default`."""

    id = "logic.switch"
    category = "Logic"
    icon = "split"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any = Field(description="What is looked at.")
        cases: dict[str, Any] = Field(
            description="Name of the port -> the value that goes there; each case becomes an output.",
            max_length=MAX_CASES,
        )

        @field_validator("cases")
        @classmethod
        def _check_cases(cls, cases: dict[str, Any]) -> dict[str, Any]:
            for name in cases:
                if not is_case_name(name):
                    raise ValueError(f"“{name}” cannot be the name of a port: use letters, digits, _, - and spaces")
            names = list(cases)
            for number, name in enumerate(names):
                for earlier in names[:number]:
                    if equal(cases[earlier], cases[name]):
                        raise ValueError(f"the cases “{earlier}” and “{name}” have the same value")
            return cases

    class Output(BlockOutput):
        default: Any

    @classmethod
    def output_ports(cls, config: Mapping[str, Any]) -> tuple[Port, ...]:
        """A port per case by name, then `default`; names that cannot be ports are left out."""
        given = config.get("cases")
        cases: Mapping[Any, Any] = given if isinstance(given, Mapping) else {}
        names = sorted(name for name in cases if is_case_name(name))
        ports = [
            Port(name=name, schema={}, title=name, description=f"The value is {show(cases[name])}.")
            for name in names[:MAX_CASES]
        ]
        return (*ports, Port(name=DEFAULT_PORT, schema={}, title="Default", description="No case has this value."))

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        chosen = next((name for name, case in input.cases.items() if equal(case, input.value)), DEFAULT_PORT)
        yield chosen, input.value

    examples: ClassVar[list[Example]] = [
        Example({"value": "eu", "cases": {"europe": "eu", "america": "us"}}, {"europe": "eu"}),
        Example({"value": "jp", "cases": {"europe": "eu", "america": "us"}}, {"default": "jp"}, title="None of them"),
        Example({"value": 1, "cases": {"text": "1", "number": 1}}, {"number": 1}, title="Strictly equal"),
        Example({"value": 1, "cases": {"one": 1, "uno": 1.0}}, error="have the same value"),
        Example({"value": 1, "cases": {"error": 1}}, error="cannot be the name of a port"),
    ]


def is_case_name(name: Any) -> bool:
    """Whether a case of this name can be an output port."""
    if not isinstance(name, str) or name in (DEFAULT_PORT, ERROR_PORT) or not 1 <= len(name) <= 64:
        return False
    return name == name.strip() and all(character.isalnum() or character in "_- " for character in name)


class ForEach(Block):
    """Run everything downstream once for each item of a list or dict, until a Collect."""

    id = "logic.for_each"
    title = "For each"
    category = "Logic"
    icon = "repeat"
    effect = Effect.PURE

    class Input(BlockInput):
        items: list[Any] | dict[str, Any] | str = Field(description="A list, a dict, or either as JSON text.")
        at_once: Integer = Field(
            0,
            ge=0,
            le=100_000,
            description="How many items are worked on at once; 0: no limit.",
            json_schema_extra=SETTING,
        )

    class Output(BlockOutput):
        item: Stream[Any]
        key: Stream[Any]
        count: int

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        items = _read_items(input.items, "For each")
        yield "count", len(items)
        for key, item in items.items() if isinstance(items, dict) else enumerate(items):
            yield "key", key
            yield "item", item

    examples: ClassVar[list[Example]] = [
        Example({"items": ["a", "b"]}, {"item": ["a", "b"], "key": [0, 1], "count": 2}),
        Example({"items": {"x": 1, "y": 2}}, {"item": [1, 2], "key": ["x", "y"], "count": 2}, title="A dict"),
        Example({"items": '[{"n": 1}]'}, {"item": [{"n": 1}], "key": [0], "count": 1}, title="JSON text"),
        Example({"items": []}, {"item": [], "key": [], "count": 0}, title="Nothing to do"),
        Example({"items": "5"}, error="needs a list or a dict, not a number"),
        Example({"items": "[1,"}, error="is not JSON"),
    ]


def _read_items(items: list[Any] | dict[str, Any] | str, who: str) -> list[Any] | dict[str, Any]:
    """The items, also those written as JSON text."""
    read = parse_json(items) if isinstance(items, str) else items
    if not isinstance(read, list | dict):
        raise BlockError(f"{who} needs a list or a dict, not {type_name(read)}: {show(read)}.", retry=False)
    return read


class Fold(Block):
    """Run another graph for each item, one after the other; each run gets what the one before made.

    The graph has the inputs `item` and `accumulator` and the output `accumulator`, which the next run gets. The first
    one gets `initial`; the last one's is the result.
    """

    id = "logic.fold"
    category = "Logic"
    icon = "list-collapse"
    # A run that is repeated goes on behind the steps that are recorded.
    effect = Effect.IDEMPOTENT
    resumes = True

    class Input(BlockInput):
        items: list[Any] | dict[str, Any] | str = Field(
            description="A list, a dict (its values are taken), or either as JSON text."
        )
        initial: Any = Field(None, description="The accumulator of the first run, and the result without items.")
        graph: Integer = Field(
            ge=1,
            description="Which graph is run for each item: its published version, else its draft.",
            json_schema_extra={**GRAPH, "x-inputs": ["item", "accumulator"], "x-outputs": ["accumulator"]},
        )

    class Output(BlockOutput):
        result: Any
        step: Stream[Any]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        found = _read_items(input.items, "Fold")
        items = list(found.values()) if isinstance(found, dict) else found
        done = context.recorded.get("step", ())
        accumulator = done[-1] if done else input.initial
        for number in range(len(done), len(items)):
            inputs = {"item": items[number], "accumulator": accumulator}
            outputs = await context.run_graph(input.graph, inputs, key=str(number))
            accumulator = _next_accumulator(outputs, number)
            yield "step", accumulator
            context.progress((number + 1) / len(items))
        if not context.recorded.get("result"):
            yield "result", accumulator

    examples: ClassVar[list[Example]] = [
        Example(
            {"items": [1, 2, 3], "initial": 0, "graph": 2}, {"result": 6, "step": [1, 3, 6]}, title="A running total"
        ),
        Example({"items": {"a": 4, "b": 5}, "initial": 1, "graph": 2}, {"result": 10, "step": [5, 10]}),
        Example({"items": [], "initial": "none", "graph": 2}, {"result": "none", "step": []}, title="No items"),
        Example({"items": [1], "graph": 3}, error="no output “accumulator” for item 0"),
        Example({"items": "7", "graph": 2}, error="needs a list or a dict, not a number"),
    ]


def _next_accumulator(outputs: Mapping[str, Any], number: int) -> Any:
    if "accumulator" not in outputs:
        raise BlockError(f"The graph gave no output “accumulator” for item {number}.", retry=False)
    return outputs["accumulator"]


class Approve(Block):
    """Ask a person and wait: the payload goes on by `approved` or by `rejected`, as the person left it."""

    id = "logic.approve"
    category = "Logic"
    icon = "user-check"
    # Not pure: what a person decided does not follow from the input. A run that is repeated finds its question again.
    effect = Effect.IDEMPOTENT

    class Input(BlockInput):
        payload: Any = Field(None, description="What is to be approved; the person may change it.")
        instructions: str = Field(
            "", max_length=10_000, description="What the person should look at.", json_schema_extra=TEXTAREA
        )

    class Output(BlockOutput):
        approved: Any
        rejected: Any
        comment: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        answer = await context.ask(input.instructions, input.payload)
        yield ("approved" if answer.decision == "approved" else "rejected"), answer.payload
        yield "comment", answer.comment

    examples: ClassVar[list[Example]] = [
        Example(
            {"payload": {"total": 120}, "instructions": "May this be ordered?"},
            {"approved": {"total": 120}, "comment": ""},
            title="Approved without a comment",
        ),
    ]


class CollectItems(Block):
    """Close a loop: wait for all its items and give them as one list, in item order."""

    id = "logic.collect"
    title = "Collect"
    category = "Logic"
    icon = "list-end"
    effect = Effect.PURE

    class Input(BlockInput):
        items: Collect[Any] = Field(description="Link the end of the loop here.")

    class Output(BlockOutput):
        items: list[Any]
        indices: list[int]
        count: int

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "items", input.items
        yield "indices", list(context.indices.get("items", range(len(input.items))))
        yield "count", len(input.items)

    examples: ClassVar[list[Example]] = [
        Example(
            {"items": ["a", "c"]},
            {"items": ["a", "c"], "indices": [0, 2], "count": 2},
            title="Item 1 was filtered out",
            indices={"items": (0, 2)},
        ),
        Example({"items": []}, {"items": [], "indices": [], "count": 0}, title="An empty loop"),
    ]


class Merge(Block):
    """Link several sources here: each value that arrives goes on, whichever comes."""

    id = "logic.merge"
    category = "Logic"
    icon = "merge"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any = Field(description="Link any number of sources here.")

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "value", input.value

    examples: ClassVar[list[Example]] = [Example({"value": "whichever"}, {"value": "whichever"})]


class GatherValues(Block):
    """Wait for all linked branches that are still alive and give what arrived as one list, by link order."""

    id = "logic.gather"
    title = "Gather"
    category = "Logic"
    icon = "combine"
    effect = Effect.PURE

    class Input(BlockInput):
        values: Gather[Any] = Field(description="Link any number of branches here.")

    class Output(BlockOutput):
        values: list[Any]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "values", input.values

    examples: ClassVar[list[Example]] = [Example({"values": [1, "b"]}, {"values": [1, "b"]})]
