"""RQ entry points: ids in, nothing out. The database decides what is to be done."""

from uuid import UUID

from executions import crew, host


def admit(execution: str) -> None:
    """A ticket: this worker looks for executions to claim, this one among them."""
    if host.current is not None:
        host.current.ring()


def run_node(token: str) -> None:
    """One of this worker's processes runs an isolated node, this one if nobody else has it."""
    if crew.current is not None:
        crew.current.hand(UUID(token))
