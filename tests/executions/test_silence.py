"""A database that takes a question and never answers is noticed, and nobody waits for it for ever."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import InternalError, connection

from agentflow.database.limits import patience
from agentflow.database.silence import PatientConnection, cut
from executions.database import AWAY, Connections, conninfo
from executions.ids import uuid7
from executions.store import Store
from tests.faults.proxy import DOWN, UP, Proxy

pytestmark = pytest.mark.django_db(transaction=True)

SILENCE_SECONDS = 0.5
#: The silence, the tenth of a second between looks, and what a busy machine adds.
NOTICED_SECONDS = 3.0


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Between psycopg and the test's database; Django's own connection goes straight."""
    chosen = dict(connection.settings_dict)
    host, port = str(chosen["HOST"]), str(chosen["PORT"] or 5432)
    with Proxy(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(port))) as proxy:
        behind = {**chosen, "HOST": "127.0.0.1", "PORT": str(proxy.port)}
        monkeypatch.setattr("executions.database.connections", {"default": _Settings(behind)})
        yield proxy


class _Settings:
    def __init__(self, settings_dict: dict[str, Any]) -> None:
        self.settings_dict = settings_dict


def connect() -> Any:
    return PatientConnection.connect(conninfo("test"), silence_seconds=SILENCE_SECONDS, autocommit=True)


@pytest.mark.parametrize("directions", [{UP}, {DOWN}, {UP, DOWN}])
def test_silence_ends_a_connection(proxy: Proxy, directions: set[str]) -> None:
    with connect() as patient, proxy.stalled(frozenset(directions)):
        asked_at = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            patient.execute("SELECT 1")
        assert SILENCE_SECONDS <= time.monotonic() - asked_at < NOTICED_SECONDS
        assert patient.broken


def test_an_answer_that_comes_in_parts_may_take_longer(proxy: Proxy) -> None:
    parts = "SELECT n, pg_sleep(0.02), repeat('x', 9000) FROM generate_series(1, 40) n"
    with connect() as patient:
        asked_at = time.monotonic()
        assert len(patient.execute(parts).fetchall()) == 40
        assert time.monotonic() - asked_at > SILENCE_SECONDS


def test_a_connection_without_a_limit_waits(proxy: Proxy) -> None:
    with PatientConnection.connect(conninfo("test"), autocommit=True) as patient:
        assert patient.execute("SELECT pg_sleep(0.7)").fetchone() is not None


def test_cut_from_another_thread_gives_locks_back(proxy: Proxy) -> None:
    with connect() as other, connect() as patient, pytest.raises(psycopg.OperationalError), patient.transaction():
        patient.execute("SELECT pg_advisory_xact_lock(7)")
        cut(patient)
        assert other.execute("SELECT pg_advisory_xact_lock(7)").fetchone() is not None
        patient.execute("SELECT 1")


def test_django_waits_longer_only_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "silence_seconds", SILENCE_SECONDS)
    with patience(0), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.7)")
    assert connection.connection.silence_seconds == SILENCE_SECONDS


async def test_store_asks_anew_when_its_connections_are_lost(proxy: Proxy, settings) -> None:
    settings.DATABASE_SECONDS = SILENCE_SECONDS
    async with Store(uuid7(), "test").opened() as store:
        assert await store.held() == []
        proxy.lose()
        async with asyncio.timeout(10):
            assert await store.held() == []
        assert proxy.taken == 2


async def test_connections_are_kept_and_all_dropped_after_an_outage(proxy: Proxy) -> None:
    connections = Connections("test", size=2, silence_seconds=SILENCE_SECONDS)
    async with connections.one(), connections.one() as second:
        await second.execute("SELECT 1")
    async with connections.one(), connections.one():
        assert proxy.taken == 2
    proxy.reset()
    with pytest.raises(AWAY):
        async with connections.one() as broken:
            await broken.execute("SELECT 1")
    async with connections.one() as renewed:
        await renewed.execute("SELECT 1")
    assert proxy.taken == 3
    await connections.close()


async def test_what_is_cancelled_leaves_no_connection_in_a_transaction(proxy: Proxy) -> None:
    connections = Connections("test", size=1, silence_seconds=SILENCE_SECONDS)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), connections.one() as first, first.transaction():
            await first.execute("SELECT pg_sleep(0.4)")
    async with connections.one() as second:
        assert second.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    await connections.close()


def test_a_session_that_had_an_error_is_not_used_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        with pytest.raises(InternalError):
            cursor.execute("DELETE FROM executions_worker")
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM executions_worker")
