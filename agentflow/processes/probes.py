"""Questions to services that may not answer at all: asked by a thread of their own, and never waited for too long."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Probe(Generic[Answer]):
    """A question that is asked by one thread at a time: a service that is stalled holds that one and no more."""

    def __init__(self, name: str, ask: Callable[[], Answer]) -> None:
        self._name = name
        self._ask = ask
        self._lock = Lock()
        self._asking: Future[Answer] | None = None

    def ask(self) -> "Future[Answer]":
        """The answer that is to come; while nobody has answered the question is not asked again."""
        with self._lock:
            if self._asking is None or self._asking.done():
                self._asking = Future()
                Thread(target=self._run, args=(self._asking,), name=f"probe {self._name}", daemon=True).start()
            return self._asking

    def _run(self, asking: "Future[Answer]") -> None:
        try:
            asking.set_result(self._ask())
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer gets it
            asking.set_exception(error)
