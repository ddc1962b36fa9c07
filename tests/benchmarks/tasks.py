"""The same work for plain RQ and for Celery: one job a node."""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from celery import Celery

#: Names the Redis server of the product that is measured in the same run.
VARIABLE = "BENCH_REDIS_URL"
QUEUE = "bench"


def fib(n: int) -> int:
    """The n-th Fibonacci number, the slow way."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def gather(values: Any = None) -> int:
    """The end of a fan."""
    return len(values or ())


app = Celery("bench")
app.conf.worker_hijack_root_logger = False
app.conf.broker_connection_retry_on_startup = True
celery_fib = app.task(fib, name="fib")
celery_gather = app.task(gather, name="gather")


def connect(url: str) -> None:
    """Have Celery use this Redis server, in a database of its own."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        named = f"redis+socket://{parts.netloc}{unquote(parts.path)}?virtual_host=8"
    else:
        named = parts._replace(path="/8", query="").geturl()
    app.conf.broker_url = app.conf.result_backend = named


if VARIABLE in os.environ:  # in a worker
    connect(os.environ[VARIABLE])
