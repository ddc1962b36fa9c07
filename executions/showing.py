"""What people see of a run while it goes on: how far it is, and text as it comes. Nobody keeps it: its result takes its place."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from executions.texts import plain

#: News are shown at most this often, in seconds.
PACE_SECONDS = 0.1
MAX_WORDS = 200
MAX_PORT = 100
#: Of a text that grows so many characters are shown, the newest.
MAX_TEXT = 4_000

#: Tells whoever watches what there is to see: `{progress, text, stream}`.
Tell = Callable[[Mapping[str, Any]], None]
#: Calls something after so many seconds; from any thread.
Later = Callable[[float, Callable[[], None]], None]
#: The text without what nobody may see.
Hide = Callable[[str], str]


class Showing:
    """The news of one attempt: each tells everything that there is to see, so that only the newest counts.

    Without `later` what comes too soon after the last news waits for the next.
    """

    def __init__(self, tell: Tell, later: Later | None, hide: Hide = str) -> None:
        self._tell = tell
        self._later = later
        self._hide = hide
        self._progress: float | None = None
        self._words = ""
        self._port = ""
        self._text = ""
        self._is_cut = False
        self._told_at = 0.0
        self._is_due = False
        self._is_over = False

    def progress(self, fraction: float, words: str) -> None:
        """It is so far, 0 to 1."""
        self._progress, self._words = min(max(float(fraction), 0.0), 1.0), self._hide(plain(words, MAX_WORDS))
        self._news(at_once=self._progress >= 1)

    def stream(self, port: str, chunk: str) -> None:
        """The text of a port goes on so; another port begins a new text."""
        if port != self._port:
            self._port, self._text, self._is_cut = port, "", False
        text = self._hide(self._text + str(chunk))
        self._is_cut = self._is_cut or len(text) > MAX_TEXT
        self._text = text[-MAX_TEXT:]
        self._news()

    def end(self) -> None:
        """Nothing more is to be seen."""
        self._is_over = True

    def _news(self, *, at_once: bool = False) -> None:
        wait = 0.0 if at_once else self._told_at + PACE_SECONDS - time.monotonic()
        if wait <= 0:
            self._show()
        elif self._later is not None and not self._is_due:
            self._is_due = True
            self._later(wait, self._show_due)

    def _show_due(self) -> None:
        self._is_due = False
        self._show()

    def _show(self) -> None:
        if self._is_over:
            return
        self._told_at = time.monotonic()
        shown: dict[str, Any] = {"progress": self._progress, "text": self._words}
        if self._port:
            text = plain(self._text, MAX_TEXT)
            shown["stream"] = {"port": plain(self._port, MAX_PORT), "text": text, "cut": self._is_cut}
        self._tell(shown)
