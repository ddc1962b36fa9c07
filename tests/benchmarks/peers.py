"""Plain RQ (two workers that do not fork, its quickest) and Celery (two processes) on the product's own Redis."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from celery import chain as celery_chain
from celery import chord
from rq import Queue
from rq.job import Job

from tests.benchmarks import tasks
from tests.e2e.product import ROOT

PROCESSES = 2
LOOK_SECONDS = 0.002
FIB = 10


class Rq:
    """One job a node, bound by `depends_on`."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, db=7)
        self._queue = Queue(tasks.QUEUE, connection=self._redis)

    def chain(self, length: int) -> float:
        """Seconds for one chain."""
        began = time.perf_counter()
        self._wait([self._chain(length)])
        return time.perf_counter() - began

    def fan(self, width: int) -> float:
        """Seconds for jobs side by side and one that waits for all."""
        began = time.perf_counter()
        jobs = self._queue.enqueue_many([Queue.prepare_data(tasks.fib, (FIB,)) for _ in range(width)])
        self._wait([self._queue.enqueue(tasks.gather, depends_on=jobs)])
        return time.perf_counter() - began

    def chains(self, count: int, length: int) -> float:
        """Seconds for many chains at once."""
        began = time.perf_counter()
        self._wait([self._chain(length) for _ in range(count)])
        return time.perf_counter() - began

    def _chain(self, length: int) -> Job:
        job = self._queue.enqueue(tasks.fib, FIB)
        for _ in range(length - 1):
            job = self._queue.enqueue(tasks.fib, FIB, depends_on=job)
        return job

    def _wait(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            while not job.is_finished:
                time.sleep(LOOK_SECONDS)


class Celery:
    """`chain` and `chord`."""

    def chain(self, length: int) -> float:
        """Seconds for one chain."""
        began = time.perf_counter()
        self._chain(length).get()
        return time.perf_counter() - began

    def fan(self, width: int) -> float:
        """Seconds for a chord."""
        began = time.perf_counter()
        chord([tasks.celery_fib.si(FIB)] * width)(tasks.celery_gather.s()).get()
        return time.perf_counter() - began

    def chains(self, count: int, length: int) -> float:
        """Seconds for many chains at once."""
        began = time.perf_counter()
        for result in [self._chain(length) for _ in range(count)]:
            result.get()
        return time.perf_counter() - began

    def _chain(self, length: int) -> Any:
        return celery_chain([tasks.celery_fib.si(FIB)] * length).apply_async()


@contextmanager
def rq_workers(url: str) -> Iterator[Rq]:
    """RQ with its workers, warm."""
    code = (
        "import sys, redis; from rq import Queue, SimpleWorker; connection = redis.Redis.from_url(sys.argv[1], db=7); "
        f"SimpleWorker([Queue({tasks.QUEUE!r}, connection=connection)], connection=connection).work(logging_level='ERROR')"
    )
    commands = [[sys.executable, "-c", code, url] for _ in range(PROCESSES)]
    with _running(commands, url):
        peer = Rq(url)
        peer.fan(20)
        yield peer


@contextmanager
def celery_workers(url: str) -> Iterator[Celery]:
    """Celery with its workers, warm."""
    tasks.connect(url)
    options = ["worker", "-c", str(PROCESSES), "--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
    with _running([[sys.executable, "-m", "celery", "-A", "tests.benchmarks.tasks", *options]], url):
        peer = Celery()
        peer.fan(20)
        yield peer


@contextmanager
def _running(commands: list[list[str]], url: str) -> Iterator[None]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), tasks.VARIABLE: url, "C_FORCE_ROOT": "1"}
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
