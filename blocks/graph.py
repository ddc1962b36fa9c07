"""Graphs as steps of other graphs."""

from typing import ClassVar

from pydantic import ConfigDict, Field

from blocks.base import ERROR_PORT, Block, BlockContext, BlockInput, Effect, Example, Outputs
from blocks.forms import GRAPH
from blocks.values import Integer


class RunGraph(Block):
    """Run another graph and wait for it: its inputs and outputs are the ports of this step.

    What an input is not given here has its default there. An output that the graph did not produce gives nothing.
    """

    id = "graph.run"
    title = "Run graph"
    category = "Logic"
    icon = "workflow"
    # A run that is repeated finds the execution that it has started already, and starts no second one.
    effect = Effect.IDEMPOTENT
    open_inputs = True
    open_outputs = True

    class Input(BlockInput):
        model_config = ConfigDict(extra="allow")

        graph: Integer = Field(
            ge=1, description="Which graph: its published version, else its draft.", json_schema_extra=GRAPH
        )

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        outputs = await context.run_graph(input.graph, input.model_extra or {})
        for name, value in outputs.items():
            if name == ERROR_PORT:
                context.log(f"The output “{name}” of the graph is not passed on: this port tells failures.", "warning")
            else:
                yield name, value

    examples: ClassVar[list[Example]] = [
        Example({"graph": 1, "name": "Ada"}, {"greeting": "Hello Ada!"}),
        Example({"graph": 1}, {"greeting": "Hello world!"}, title="An input that has a default"),
        Example({"graph": 3}, title="A graph without outputs"),
        Example({"graph": 404}, error="no graph 404"),
        Example({"graph": True}, error="“graph”"),
    ]
