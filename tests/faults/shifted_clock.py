"""Loaded into a worker as a module of blocks: its wall clock is off by as many seconds as a file says, at any moment.

It changes what the product and its queue library call: `time.time`, `datetime.now` and their like. The monotonic clock
and the clocks of other processes stay what they are, as when somebody sets a machine's time.
"""

import datetime
import mmap
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any

Real = datetime.datetime

#: Names the file, which holds one floating point number.
VARIABLE = "AGENTFLOW_TEST_CLOCK"
#: Whose calls are changed.
CALLERS = ("agentflow", "blocks", "django", "django_rq", "executions", "redis", "rq")


def set_shift(path: Path, seconds: float) -> None:
    """Let the clock of the workers that look at this file jump."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write(struct.pack("d", seconds))


def _install(path: str) -> None:
    with Path(path).open("r+b") as file:
        shared = mmap.mmap(file.fileno(), 8)
    real_time, real_time_ns = time.time, time.time_ns

    def shift() -> float:
        (seconds,) = struct.unpack("d", shared[:])
        return float(seconds)

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, Real)

    class Shifted(Real, metaclass=Kind):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return Real.now(tz) + datetime.timedelta(seconds=shift())

        @classmethod
        def utcnow(cls) -> Any:
            return Real.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=shift())

    def shifted_time() -> float:
        return real_time() + shift()

    time.time = shifted_time
    time.time_ns = lambda: real_time_ns() + int(shift() * 1e9)
    replaced = {id(Real): Shifted, id(real_time): shifted_time}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in CALLERS:
            for key, value in list(vars(module).items()):
                if id(value) in replaced:
                    setattr(module, key, replaced[id(value)])


if VARIABLE in os.environ:
    _install(os.environ[VARIABLE])
