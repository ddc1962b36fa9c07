"""A Redis that takes everything and answers nothing costs a start two seconds, once."""

import time
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest
from redis.exceptions import RedisError

from agentflow import wake
from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, NodeSpec
from executions import services, tickets
from executions.ids import uuid7
from tests import factories
from tests.faults.proxy import Proxy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]

#: Two seconds for the answer, and what a busy machine adds.
WAITED_SECONDS = 4.0


@pytest.fixture
def proxy(redis_url: str, settings) -> Iterator[Proxy]:
    """Between everybody here and Redis."""
    parts = urlsplit(redis_url)
    at = unquote(parts.path) if parts.scheme == "unix" else (parts.hostname or "", parts.port or 6379)
    with Proxy(at) as proxy:
        settings.REDIS_URL = f"redis://:{unquote(parts.password or '')}@127.0.0.1:{proxy.port}/0"
        wake.connection.cache_clear()
        yield proxy
    wake.connection.cache_clear()


def test_start_waits_for_a_silent_redis_only_once(proxy: Proxy) -> None:
    alice = factories.user("alice")
    spec = GraphSpec(name="One", nodes=(NodeSpec("a", "core.value", {"value": 1}),))
    graph = create_graph(owner=alice, spec=spec)
    with proxy.stalled():
        asked_at = time.monotonic()
        services.start_execution(graph, user=alice, inputs={})
        assert time.monotonic() - asked_at < WAITED_SECONDS


def test_offers_wait_no_longer_either(proxy: Proxy) -> None:
    queue = tickets.NodeQueue()
    assert queue.missing([]) == []
    with proxy.stalled():
        asked_at = time.monotonic()
        with pytest.raises(RedisError):
            queue.put(uuid7())
        assert time.monotonic() - asked_at < WAITED_SECONDS


def test_a_connection_that_redis_closed_is_made_anew(proxy: Proxy) -> None:
    assert wake.ring("test", "one")
    proxy.reset()
    assert wake.ring("test", "two")
