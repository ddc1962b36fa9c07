"""What the log must not have after bad input."""

import logging

from agentflow.logs.mistakes import ClientMistakes


class Tracebacks(logging.Handler):
    """Keeps what was logged as an error with a traceback: for bad input there must be none."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(ClientMistakes())
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.found.append(logging.Formatter("%(name)s: %(message)s").format(record))

    def refuse(self) -> None:
        """Fail if there are any, with the last one."""
        found, self.found = self.found, []
        assert not found, found[-1]
