"""Where values enter and leave an execution."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Effect, Example, Outputs, Port
from blocks.forms import TEXTAREA

InputType = Literal["any", "text", "number", "integer", "boolean", "list", "dict"]

#: JSON Schema of each type that an input of a graph may have.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "any": {},
    "text": {"type": "string"},
    "number": {"type": ["integer", "number"]},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "list": {"type": "array", "items": {}},
    "dict": {"type": "object", "additionalProperties": True},
}
assert set(SCHEMAS) == set(get_args(InputType))  # noqa: S101 - one table, two readers

_NAME = Field(
    min_length=1,
    max_length=64,
    pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
    description="Letters, digits and _; unique in the graph.",
)


class Input(Block):
    """A value that is given when the graph is started, by a person, a trigger or the API."""

    id = "io.input"
    category = "Input & output"
    icon = "log-in"
    effect = Effect.PURE

    class Input(BlockInput):
        name: str = _NAME
        type: InputType = Field("any", description="What may be given; anything else refuses the start.")
        default: Any = Field(
            None, description="Used when nothing is given.", json_schema_extra={"x-widget": "by-type", "x-type": "type"}
        )
        required: bool = Field(default=False, description="Refuse to start without it, unless there is a default.")
        description: str = Field(
            "",
            max_length=1_000,
            description="Shown beside the field when the graph is started.",
            json_schema_extra=TEXTAREA,
        )

    class Output(BlockOutput):
        value: Any

    @classmethod
    def output_ports(cls, config: Mapping[str, Any]) -> tuple[Port, ...]:
        """One port, with the schema of the chosen type."""
        kind = config.get("type", "any")
        schema = SCHEMAS.get(kind, {}) if isinstance(kind, str) else {}
        return (Port(name="value", schema=schema, title="Value", description="What was given, or the default."),)

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        if input.name not in context.execution_inputs:
            raise BlockError(f"The execution has no input “{input.name}”.", retry=False)
        yield "value", context.execution_inputs[input.name]

    examples: ClassVar[list[Example]] = [
        Example({"name": "minimum", "type": "number"}, {"value": 100}, execution_inputs={"minimum": 100}),
        Example({"name": "note"}, {"value": None}, title="Not given", execution_inputs={"note": None}),
        Example({"name": "gone"}, error="no input “gone”"),
    ]


class Output(Block):
    """A result of the graph: in a loop it is the list of all values in item order."""

    id = "io.output"
    category = "Input & output"
    icon = "log-out"
    effect = Effect.PURE

    class Input(BlockInput):
        name: str = _NAME
        value: Any = Field(description="What the graph gives under this name.")

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "value", input.value

    examples: ClassVar[list[Example]] = [
        Example({"name": "report", "value": "All done"}, {"value": "All done"}),
    ]
