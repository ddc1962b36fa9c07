import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentflow.processes.child import LONGEST_PAUSE_SECONDS, ending, next_pause
from tests.processes.rig import Running, descendants, kill, pid_of, pids_in, runs, wait_until

FOREVER = "import threading; print('alive'); threading.Event().wait()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {FOREVER!r}]); {FOREVER}"

Start = Callable[..., Running]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def start(**codes: str) -> Running:
        script = Path(__file__).with_name("supervised.py")
        programs = [f"{name}={code}" for name, code in codes.items()]
        running = Running([sys.executable, script, tmp_path, *programs], os.environ | {"PYTHONPATH": os.curdir})
        started.append(running)
        for name in codes:
            running.wait_for(f"{name:8} | alive")
        return running

    yield start
    for running in started:
        running.stop()


def test_output_goes_to_the_terminal_and_the_log_file(supervise: Start, tmp_path: Path):
    supervise(a=FOREVER)
    assert (tmp_path / "logs" / "a.log").read_text() == "alive\n"


@pytest.mark.faults
def test_killed_program_starts_again(supervise: Start, tmp_path: Path):
    running = supervise(a=FOREVER)
    first = pid_of(tmp_path, "a")
    kill(first)
    running.wait_for("ended with SIGKILL")
    wait_until(lambda: pid_of(tmp_path, "a") not in (0, first), "a runs again")
    assert runs(pid_of(tmp_path, "a"))


@pytest.mark.faults
def test_grandchildren_of_a_killed_program_are_ended(supervise: Start, tmp_path: Path):
    running = supervise(a=PARENT)
    orphans = descendants(pid_of(tmp_path, "a"))
    kill(pid_of(tmp_path, "a"))
    running.wait_for("ended with SIGKILL")
    wait_until(lambda: not any(runs(pid) for pid in orphans), "no orphan runs")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signal_stops_everything_and_leaves_no_process(supervise: Start, tmp_path: Path, number: signal.Signals):
    running = supervise(a=FOREVER, b=PARENT)
    processes = descendants(running.process.pid)
    assert running.stop(number) == 0
    assert not [pid for pid in processes if runs(pid)]
    assert pids_in(tmp_path) == {}


@pytest.mark.faults
def test_program_that_ignores_the_signal_is_killed_after_its_grace(supervise: Start):
    running = supervise(a=STUBBORN)
    running.stop()
    assert "a        | did not stop within 0.5 s and is killed" in running.lines


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_programs_end_with_a_killed_supervisor(supervise: Start, tmp_path: Path):
    running = supervise(a=FOREVER, b=FOREVER)
    pids = pids_in(tmp_path)
    running.stop(signal.SIGKILL)
    wait_until(lambda: not any(runs(pid) for pid in pids.values()), "no program runs")


def test_pause_grows_while_a_program_ends_at_once():
    pauses = [0.0]
    for _ in range(10):
        pauses.append(next_pause(pauses[-1], lived_seconds=0))
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_pause_is_short_after_a_long_life():
    assert next_pause(30, lived_seconds=3600) < 1


@pytest.mark.parametrize(("code", "words"), [(1, "exit code 1"), (-9, "SIGKILL"), (-200, "signal 200")])
def test_ending_in_words(code: int, words: str):
    assert ending(code) == words
