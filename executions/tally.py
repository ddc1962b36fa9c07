"""How many nodes of a run ended otherwise than well, or have not ended: what is told beside its status."""

from collections.abc import Mapping
from dataclasses import dataclass

#: What is worth a word, in the order of its weight, and what the word means.
TOLD = {
    "failed": "failed, and nothing took up the error",
    "handled": "failed, and the graph took up the error",
    "waiting": "waiting for a time, a person or another graph",
    "skipped": "never ran: one of their inputs stayed empty",
}


@dataclass(frozen=True, slots=True)
class Count:
    """So many node executions."""

    name: str
    number: int

    @property
    def text(self) -> str:
        """`3 skipped`."""
        return f"{self.number:,} {self.name}"

    @property
    def meaning(self) -> str:
        """The same for who does not know the word."""
        return f"{self.number:,} {TOLD[self.name]}"


def tally(counts: Mapping[str, int] | None) -> list[Count]:
    """Of an execution's counts those that are told beside its status and are not zero."""
    return [Count(name, number) for name in TOLD if (number := (counts or {}).get(name, 0))]
