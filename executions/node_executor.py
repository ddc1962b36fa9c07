"""NodeExecutor: one attempt of one node, from the values that arrived to the values that it yields."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from blocks.base import Block, BlockError, RunsIn, read_input
from blocks.context import BlockContext
from executions.context import Credentials, NodeContext
from executions.engine.commands import Run
from executions.engine.inputs import InputError, assemble
from executions.engine.plan import NodePlan
from executions.isolated import IsolatedRunner
from executions.threads import Threads

_END = object()


class NodeExecutor:
    """Runs blocks where they say: on this loop, in a thread, or in a process of a `nodes` worker."""

    def __init__(self, isolated: IsolatedRunner, credentials: Credentials | None = None) -> None:
        self._isolated = isolated
        self.credentials = credentials
        self._threads = Threads("block")

    def run(self, node: NodePlan, run: Run, context: NodeContext) -> AsyncGenerator[tuple[str, Any]]:
        """The values that the block yields, as they come.

        Raises:
            BlockError: what a user may read: bad input, or the block's own.
        """
        values = _assembled(node, run)
        if node.runs_in is RunsIn.PROCESS:
            read_input(node.block, values)
            return self._isolated.run(node, values, context)
        block_input = read_input(node.block, values)
        if node.runs_in is RunsIn.THREAD:
            return self._in_thread(node.block, block_input, context)
        generator: AsyncGenerator[tuple[str, Any]] = node.block().run(block_input, context)
        return generator

    async def _in_thread(self, block: type[Block], block_input: Any, context: BlockContext) -> AsyncGenerator[Any]:
        """Each step of the block's generator in a thread; cancelling leaves the thread to end by itself."""
        loop = asyncio.get_running_loop()
        inside: Any = copy_context().run  # its log lines say whose they are
        generator: Iterator[tuple[str, Any]] | None = None
        is_over = False
        try:
            generator = await loop.run_in_executor(self._threads, inside, _begun, block, block_input, context)
            while (step := await loop.run_in_executor(self._threads, inside, next, generator, _END)) is not _END:
                yield step
            is_over = True
        finally:
            if generator is not None and not is_over:
                self._threads.submit(_close, generator)

    def close(self) -> None:
        """Let running threads end by themselves."""
        self._threads.shutdown()


def _begun(block: type[Block], block_input: Any, context: BlockContext) -> Iterator[tuple[str, Any]]:
    generator: Iterator[tuple[str, Any]] = iter(block().run(block_input, context))
    return generator


def _close(generator: Any) -> None:
    """What the block does at its end belongs into a thread, too; one that still runs is closed when it ends."""
    with suppress(BaseException):
        generator.close()


def _assembled(node: NodePlan, run: Run) -> dict[str, Any]:
    try:
        return assemble(node, run.arrivals)
    except InputError as error:
        raise BlockError(str(error), retry=False) from error
