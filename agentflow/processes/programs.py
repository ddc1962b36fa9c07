"""A program to run: its arguments, whose rights it has, how it is stopped; and starting it so that it cannot outlive us."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentflow.processes.errors import ProcessesError

#: Accounts that services run as when we are root, the first that exists: PostgreSQL refuses root.
UNPRIVILEGED = ("agentflow", "nobody")
#: prctl(2): the signal that the kernel sends to us when our parent dies.
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to stop it."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Whose rights it has; none: ours.
    account: Account | None = None
    folder: str = "/"
    #: Asks it to stop; the grace is what it may then take, in seconds.
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10
    #: Whether its output belongs in the terminal, besides its log file.
    shown: bool = True
    #: File descriptors that it inherits.
    descriptors: tuple[int, ...] = ()


def service_account() -> Account | None:
    """The unprivileged account for services when we are root, else none: they run as the caller.

    Raises:
        ProcessesError: we are root and no such account exists.
    """
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise ProcessesError(
        "As root the servers need an account without rights: create one named agentflow, or run this as another user."
    )


def popen_options(program: Program) -> dict[str, Any]:
    """Keyword arguments for Popen: rights, environment, own process group, and an end when we end."""
    options: dict[str, Any] = {
        "cwd": program.folder,
        "env": dict(program.environment),
        "stdin": subprocess.DEVNULL,
        "process_group": 0,  # Ctrl-C in the terminal is for us alone: we stop everything in order
        "pass_fds": program.descriptors,
        "preexec_fn": _ends_with_parent(program.stop_signal),
    }
    return options | rights(program.account)


def rights(account: Account | None) -> dict[str, Any]:
    """Keyword arguments for Popen that give the account's rights and no others."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _ends_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """What the child does before exec: ask for `stop_signal` when its parent dies. Linux only."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: the child may do little between fork and exec
    parent = os.getpid()

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return before_exec
