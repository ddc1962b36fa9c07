"""How the garbage collector and the interpreter's threads behave in processes that live long."""

import gc
import sys

#: New objects before the young ones are looked through: runs make and drop many, hardly any of them in a cycle.
YOUNG, MIDDLE, OLD = 10_000, 10, 10
#: Seconds that a thread may compute before another one gets the interpreter; Python's own is 5 ms, which a run would wait.
SWITCH_SECONDS = 0.001


def settle() -> None:
    """Call it once, when everything is imported.

    What was imported stays for ever: the collector need not look through it again, which would stop every run
    meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    sys.setswitchinterval(SWITCH_SECONDS)
