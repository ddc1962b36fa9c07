"""Blocks that do with a secret what they must not."""

from typing import Any, ClassVar

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Credential, Example, Outputs, RunsIn


class Leak(Block):
    """Yield, log, show and fail with a secret."""

    id = "test.leak"
    category = "Test"

    class Input(BlockInput):
        credential: Credential["bearer", "basic", "oauth2", "headers"]
        extra: Any = None
        fails: bool = False

    class Output(BlockOutput):
        value: Any
        fields: dict[str, str] = Field()

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        secret = await context.credential(input.credential, "bearer", "basic", "oauth2", "headers")
        context.log(f"It is {dict(secret.fields)}")
        if input.fails:
            raise BlockError(f"No: {' '.join(secret.fields.values())}", retry=False)
        yield "value", {"deep": [f"a {' '.join(secret.fields.values())} b"], "extra": input.extra}
        yield "fields", {value: name for name, value in secret.fields.items()}

    examples: ClassVar[list[Example]] = []


class Isolated(Block):
    """Ask for a secret in a process."""

    id = "test.thread_secret"
    category = "Test"
    runs_in = RunsIn.THREAD

    class Input(BlockInput):
        credential: Credential["bearer"] | None = None

    class Output(BlockOutput):
        value: str

    def run(self, input: Input, context: BlockContext) -> Any:
        yield "value", "none needed"

    examples: ClassVar[list[Example]] = []
