"""Threads for blocking calls, of which some may never end: those keep nobody else from a thread, nor the process from ending."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: A call that takes longer does not count as one of the usual number: another thread takes its place.
LONG_SECONDS = 0.5
#: More calls that do not end than this, and the others wait.
MOST = 1_000


class Threads(Executor):
    """At most `usual` calls at once, besides those that take long."""

    def __init__(self, name: str, *, usual: int = 16) -> None:
        self._name = name
        self._usual = usual
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0
        self._waiting = 0
        #: When each call that runs was begun, by its thread.
        self._running: dict[threading.Thread, float] = {}
        self._is_watched = False
        self._is_shut = False

    def submit(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Have the function called in a thread."""
        future: Future[R] = Future()
        with self._lock:
            if self._is_shut:
                raise RuntimeError("these threads are shut down")
            self._waiting += 1
            self._calls.put(lambda: _carry_out(future, function, args, kwargs))
            self._add_threads()
            if self._waiting and not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name=f"{self._name}s", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - Executor's
        """Take no more calls and wait for none: threads end by themselves, or with the process."""
        with self._lock:
            self._is_shut = True
            for _ in range(self._count):
                self._calls.put(None)

    def _add_threads(self) -> None:
        """As many as the waiting calls need, of which the usual number may be at work; the lock is held."""
        started = time.monotonic() - LONG_SECONDS
        long = sum(since < started for since in self._running.values())
        idle = self._count - len(self._running)
        wanted = min(self._waiting - idle, self._usual - (self._count - long), MOST - self._count)
        for _ in range(wanted):
            self._count += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._count}", daemon=True).start()

    def _watch(self) -> None:
        """Look, as long as calls wait, whether threads are held for long."""
        while True:
            time.sleep(LONG_SECONDS)
            with self._lock:
                if not self._waiting or self._is_shut:
                    self._is_watched = False
                    return
                self._add_threads()

    def _work(self) -> None:
        me = threading.current_thread()
        while call := self._calls.get():
            with self._lock:
                self._waiting -= 1
                self._running[me] = time.monotonic()
            call()
            del call  # what it refers to must not outlive it here
            with self._lock:
                del self._running[me]
                if self._count > self._usual and not self._waiting:
                    break
        with self._lock:
            self._count -= 1


def _carry_out(future: Future[Any], function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - whoever waits gets whatever it is
        future.set_exception(error if _can_travel(error) else _wrapped(error))
    else:
        future.set_result(result)


def _can_travel(error: BaseException) -> bool:
    """What coroutines take for a sign of their own must not come out of a thread."""
    return isinstance(error, Exception) and not isinstance(error, StopIteration)


def _wrapped(error: BaseException) -> RuntimeError:
    wrong = RuntimeError(f"the call raised {type(error).__name__}")
    wrong.__cause__ = error
    return wrong
