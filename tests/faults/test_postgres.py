"""PostgreSQL crashes, is away, full, read-only, cancels and refuses: runs go on within ten seconds and nothing is lost."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest
from django.db import connections

from tests.faults.caller import caller
from tests.faults.conftest import MakeRig
from tests.faults.rig import QUICK, Rig
from tests.faults.underway import UnderWay
from tests.waiting import until

pytestmark = pytest.mark.faults

RESUMED_WITHIN_SECONDS = 10.0
#: Who asks while the database is away is told so, and does not hang: the longest silence and what a busy machine adds.
ANSWERED_WITHIN_SECONDS = 12.0

Fault = Callable[[Rig], AbstractContextManager[None]]


@contextmanager
def restarted(rig: Rig) -> Iterator[None]:
    """Crashed and started at once."""
    with rig.postgres.away():
        pass
    yield


@contextmanager
def away(rig: Rig) -> Iterator[None]:
    with rig.postgres.away():
        yield


@contextmanager
def full(rig: Rig) -> Iterator[None]:
    """Others have taken every connection, those of the product's processes, too."""
    taken: list[psycopg.Connection] = []
    try:
        _take_all(rig, taken)
        while taken[0].execute("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'agentflow%'").fetchone():
            taken[0].execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'agentflow%%' OR datname = current_database() AND application_name = ''"
                " AND pid <> ALL(%s)",
                ([each.info.backend_pid for each in taken],),
            )
            _take_all(rig, taken)
        connections.close_all()
        yield
    finally:
        for each in taken:
            each.close()


def _take_all(rig: Rig, taken: list[psycopg.Connection]) -> None:
    while True:
        try:
            taken.append(rig.postgres.connect())
        except psycopg.OperationalError:
            return


@contextmanager
def read_only(rig: Rig) -> Iterator[None]:
    """As while another server takes over: every session is read-only, and those begun meanwhile stay so."""
    with rig.postgres.connect("postgres") as connection:
        connection.execute("ALTER DATABASE agentflow SET default_transaction_read_only = on")
        _end_sessions(connection)
        yield
        connection.execute("ALTER DATABASE agentflow RESET default_transaction_read_only")


def _end_sessions(connection: psycopg.Connection) -> None:
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'agentflow'")
    connections.close_all()


@contextmanager
def cancelling(rig: Rig) -> Iterator[None]:
    """Whatever runs at the moment is cancelled, again and again."""
    with rig.postgres.connect() as connection:
        for _ in range(200):
            connection.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'agentflow%' AND state <> 'idle'"
            )
        yield


def refusing(code: str, *, every: int) -> Fault:
    """Every so manieth change of an execution or a worker's lease is refused with this SQLSTATE."""

    @contextmanager
    def fault(rig: Rig) -> Iterator[None]:
        with rig.postgres.connect() as connection:
            # One statement after the other: a transaction that locks two tables would itself meet deadlocks.
            for statement in _refusal(code, every):
                connection.execute(statement)
            yield
            for statement in ALLOWED_AGAIN:
                connection.execute(statement)

    return fault


REFUSED = ("executions_execution", "executions_worker")
ALLOWED_AGAIN = (
    *(f"DROP TRIGGER refuse ON {table}" for table in REFUSED),
    "DROP FUNCTION refuse",
    "DROP SEQUENCE refused",
)


def _refusal(code: str, every: int) -> list[str]:
    function = f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('refused') % {every} = 0 THEN RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'; END IF;
            RETURN NEW;
        END $$
    """
    trigger = "CREATE TRIGGER refuse BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION refuse()"
    return ["CREATE SEQUENCE refused", function, *(trigger.format(table) for table in REFUSED)]


DEADLOCK, DISK_FULL, SERIALIZATION = "40P01", "53100", "40001"


#: What may be seen of a fault by a caller of the API while it lasts.
GRAPHS = "/api/v1/graphs/"


def broken(rig: Rig, fault: Fault, *, seconds: float = 0, answers: frozenset[int] = frozenset({200, 503})) -> float:
    """Break it for so long while runs are under way; how long after the end of the fault all had gone on."""
    runs = UnderWay(rig, items=int(30 + 20 * seconds))
    with caller(rig) as client:
        with fault(rig):
            ends_at = time.monotonic() + seconds
            while time.monotonic() < ends_at:
                asked_at = time.monotonic()
                assert client.get(GRAPHS).status_code in answers
                assert time.monotonic() - asked_at < ANSWERED_WITHIN_SECONDS
                time.sleep(0.1)
        resumed_after = runs.resumed_after(time.monotonic())
        until(lambda: client.get(GRAPHS).status_code == 200, seconds=RESUMED_WITHIN_SECONDS)
    runs.end(seconds=60 + 2 * seconds)
    return resumed_after


UNAVAILABLE = frozenset({503})
#: Faults that last, and what an API call may be answered meanwhile.
LASTING: list[tuple[str, Fault, frozenset[int]]] = [
    ("away", away, UNAVAILABLE),
    ("full", full, UNAVAILABLE),
    ("read-only", read_only, UNAVAILABLE | {200}),
]
#: Faults of single statements.
PASSING: list[tuple[str, Fault]] = [
    ("cancels", cancelling),
    ("deadlocks", refusing(DEADLOCK, every=3)),
    ("cannot serialize", refusing(SERIALIZATION, every=3)),
    ("disk full", refusing(DISK_FULL, every=1)),
]


def test_runs_go_on_after_whatever_happens_to_it(make_rig: MakeRig, capsys: pytest.CaptureFixture[str]) -> None:
    rig = make_rig(workers=2, web=True, environment=QUICK)
    show(capsys, "restarted", [broken(rig, restarted)])
    for name, fault, answers in LASTING:
        show(capsys, f"{name} 3 s", [broken(rig, fault, seconds=3, answers=answers)])
    for name, passing in PASSING:
        show(capsys, name, [broken(rig, passing, seconds=1)])


@pytest.mark.slow
def test_runs_go_on_after_many_restarts(make_rig: MakeRig, capsys: pytest.CaptureFixture[str]) -> None:
    rig = make_rig(workers=2, web=True)
    show(capsys, "restarted", [broken(rig, restarted) for _ in range(20)])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fault", "answers"), LASTING)
def test_runs_go_on_after_a_minute(
    make_rig: MakeRig, capsys: pytest.CaptureFixture[str], name: str, fault: Fault, answers: frozenset[int]
) -> None:
    rig = make_rig(workers=2, web=True)
    show(capsys, f"{name} 60 s", [broken(rig, fault, seconds=60, answers=answers)])


def show(capsys: pytest.CaptureFixture[str], fault: str, figures: Sequence[float]) -> None:
    """Print the figures for the note, and hold them to their limit."""
    with capsys.disabled():
        print(f"\nPostgreSQL {fault} to progress resumed: {max(figures):.1f} s (of {len(figures)})")  # noqa: T201
    assert max(figures) <= RESUMED_WITHIN_SECONDS
