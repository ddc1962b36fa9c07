"""What a block may leave behind in its process; a process in which one has left anything runs no other block."""

import os
import resource
import signal
from pathlib import Path
from typing import NamedTuple, Self

from django.conf import settings

from executions.orphans import children

#: Lines of /proc/self/status: whose process it is, what it may do, its threads, and which signals it takes.
LINES = ("Umask", "Uid", "Gid", "Groups", "Threads", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp")
#: A process may have grown by so much when it begins another node, address space by this part of what it may take.
GROWN_BYTES, GROWN_SHARE = 32 * 1024**2, 8
LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)


class Footprint(NamedTuple):
    """What must be as it was."""

    status: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    descriptors: tuple[str, ...]
    children: frozenset[int]
    limits: tuple[tuple[int, int], ...]
    timer: tuple[float, float]

    @classmethod
    def now(cls) -> Self | None:
        """Of this process; None where nobody can tell (no Linux)."""
        try:
            lines = Path("/proc/self/status").read_text().splitlines()
            return cls(
                status=tuple(line for line in lines if line.startswith(LINES)),
                folder=str(Path.cwd()),
                environment=dict(os.environ),
                descriptors=_descriptors(),
                children=frozenset(children()),
                limits=tuple(resource.getrlimit(limit) for limit in LIMITS),
                timer=signal.getitimer(signal.ITIMER_REAL),
            )
        except OSError:
            return None


class Size(NamedTuple):
    """Memory of a process, in bytes."""

    mapped: int = 0
    resident: int = 0

    @classmethod
    def now(cls) -> Self:
        """Of this process (Linux; elsewhere 0, so that its limit is a little tighter)."""
        try:
            pages = Path("/proc/self/statm").read_text().split()
        except OSError:
            return cls()
        return cls(*(int(number) * resource.getpagesize() for number in pages[:2]))

    def has_grown_much(self, since: "Size") -> bool:
        """Whether too little is left of what the process may take."""
        is_wide = self.mapped - since.mapped > settings.NODE_MEMORY_BYTES / GROWN_SHARE
        return is_wide or self.resident - since.resident > GROWN_BYTES


def limit_memory() -> None:
    """Bound what this process may take beyond what it has now."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = Size.now().mapped + settings.NODE_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def let_go_of_descriptors(keep: int) -> None:
    """Nothing but the standard streams and this one is shared with the parent any more.

    They are not closed: objects that this process has inherited would close their numbers again, when others use them.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - its entries are numbers
        if int(name) > 2 and int(name) not in (keep, nothing):
            try:
                os.dup2(nothing, int(name), inheritable=False)
            except OSError:  # the listing's own
                continue
    os.close(nothing)


def _descriptors() -> tuple[str, ...]:
    """What each open number is, without the one that lists them."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(f"{link.name} {link.readlink()}")
        except OSError:
            continue
    return tuple(sorted(found))
