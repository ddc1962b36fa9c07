"""Regular expressions that cannot hang a worker: every search has a time limit."""

from functools import lru_cache
from typing import Any

import regex

from blocks.base import BlockError
from blocks.offload import offload

MAX_PATTERN = 2_000
MAX_SECONDS = 2.0
#: How long a search may hold the event loop before it moves to a thread.
INLINE_SECONDS = 0.01


async def search(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text.

    Raises:
        BlockError: the pattern is wrong, or takes too long on this text.
    """
    compiled = _compile(pattern)
    try:
        return compiled.search(text, timeout=INLINE_SECONDS) is not None
    except TimeoutError:
        pass
    try:
        found = await offload(compiled.search, text, timeout=MAX_SECONDS, concurrent=True)
    except TimeoutError:
        raise BlockError(
            f"The pattern “{pattern[:60]}” takes longer than {MAX_SECONDS:g} seconds on this text; simplify it.",
            retry=False,
        ) from None
    return found is not None


@lru_cache(maxsize=512)
def _compile(pattern: str) -> "regex.Pattern[Any]":
    if len(pattern) > MAX_PATTERN:
        raise BlockError(f"The pattern is longer than {MAX_PATTERN:,} characters.", retry=False)
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise BlockError(f"The pattern “{pattern[:60]}” is wrong: {error}.", retry=False) from None
