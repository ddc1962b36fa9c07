"""The written cases on the real stack: database, bell and a hosting worker give what the table says."""

from collections.abc import Iterator, Mapping
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from agentflow.graphs.models import Graph
from agentflow.graphs.services import create_graph
from blocks.registry import configure
from executions import services
from executions.approvals import UNCHANGED, decide
from executions.engine.status import FINAL
from executions.host import Host
from executions.models import Approval, Execution, NodeExecution, Output
from executions.values import load
from tests import factories
from tests.engine.cases.judging import COUNTED, Seen, differences
from tests.engine.cases.reading import Case, Key, Outcome, cases, numbered
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db")]

#: A case and how many runs there may be at a time.
Play = tuple[Case, int]

RUNNABLE = [case for case in cases() if not case.refused]
REFUSED = [case for case in cases() if case.refused]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


@pytest.fixture(scope="module")
def odd_blocks() -> Iterator[None]:
    """The blocks of the cases."""
    configure(["tests.case_blocks"])
    yield
    configure(())


@pytest.fixture(scope="module")
def author(lasting_db: None) -> User:
    return factories.user(f"alice-{token_hex(4)}")


@pytest.fixture(scope="module")
def played(host: Host, author: User, request: pytest.FixtureRequest) -> Iterator[Mapping[Play, Execution]]:
    """All the cases that were asked for, started at once."""
    wanted = [play for item in request.session.items if (play := _play_of(item))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("executions.node_run.RETRY_SECONDS", 0.01)
        graphs = {case: _drawn(case, author) for case, _ in wanted}
        started = {(case, most): _start(graphs[case], case, concurrency=most) for case, most in wanted}
        people = People({execution.pk: case for (case, _), execution in started.items()}, author)
        until(lambda: not people.decide() and not _open(started), seconds=60)
        yield started


def _play_of(item: pytest.Item) -> Play | None:
    """What this test of this module plays."""
    if getattr(item, "function", None) is not test_case_on_the_real_stack:
        return None
    params: dict[str, Any] = item.callspec.params  # type: ignore[attr-defined]  # pytest gives it to parametrised items
    return params["case"], params["concurrency"]


def _open(started: Mapping[Play, Execution]) -> bool:
    ids = [execution.pk for execution in started.values()]
    return Execution.objects.filter(pk__in=ids).exclude(status__in=FINAL).exists()


def _drawn(case: Case, author: User) -> Graph:
    """The case's graph, after the other graphs that it names."""
    numbers: dict[str, int] = {}
    for name, spec in case.graphs.items():
        numbers[name] = create_graph(owner=author, spec=numbered(spec, numbers)).pk
    return create_graph(owner=author, spec=numbered(case.graph, numbers))


def _start(graph: Graph, case: Case, *, concurrency: int = 0) -> Execution:
    with override_settings(EXECUTION_CONCURRENCY=concurrency):
        return services.start_execution(graph, user=graph.owner, inputs=case.inputs)


class People:
    """Decide what the cases say."""

    def __init__(self, cases: Mapping[UUID, Case], author: User) -> None:
        self.cases = cases
        self.author = author

    def decide(self) -> int:
        """Decide what is asked now; how many decisions there were."""
        made = 0
        asked = Approval.objects.filter(decided_at=None, closed_at=None, execution__owner=self.author)
        for approval in asked.select_related("execution", "node_execution"):
            where = approval.node_execution.node, tuple(approval.node_execution.path)
            if decision := self.cases[_root(approval.execution)].decisions.get(where):
                payload = decision.get("payload", UNCHANGED)
                comment = decision.get("comment", "")
                decide(approval, user=self.author, decision=decision["decision"], payload=payload, comment=comment)
                made += 1
        return made


def _root(execution: Execution) -> UUID:
    while execution.parent:
        execution = execution.parent
    return execution.pk


@pytest.mark.parametrize("concurrency", [0, 1], ids=["at-once", "one-by-one"])
@pytest.mark.parametrize("case", RUNNABLE, ids=str)
def test_case_on_the_real_stack(case: Case, concurrency: int, played: Mapping[Play, Execution]) -> None:
    assert differences(case, _seen(played[case, concurrency])) == []


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused_case_on_the_real_stack(case: Case, odd_blocks: None, author: User) -> None:
    with pytest.raises(services.StartRefused) as caught:
        _start(_drawn(case, author), case)
    problems = {problem["pointer"]: problem["detail"] for problem in caught.value.problems}
    assert problems.keys() == case.refused.keys()
    assert all(part in problems[pointer] for pointer, part in case.refused.items()), problems


def _seen(started: Execution) -> Seen:
    execution = Execution.objects.get(pk=started.pk)
    rows = {(row.node, tuple(row.path), row.ordinal): row for row in execution.node_executions.all()}
    return Seen(
        status=execution.status,
        reason=execution.reason,
        error=(execution.error or {}).get("detail", ""),
        outputs=execution.outputs or {},
        rows={key: _outcome(row) for key, row in rows.items()},
        counts={name: execution.counts.get(name, 0) for name in COUNTED},
        values=_values(execution),
        spans=dict(_spans(rows)),
    )


def _spans(rows: Mapping[Key, NodeExecution]) -> Iterator[tuple[Key, tuple[float, float]]]:
    for key, row in rows.items():
        if row.started_at and row.ended_at:
            yield key, (row.started_at.timestamp(), row.ended_at.timestamp())


def _outcome(row: NodeExecution) -> Outcome:
    error = row.error or {}
    return Outcome("handled" if error.get("handled") else row.status, error.get("message", ""), row.attempt)


def _values(execution: Execution) -> dict[tuple[str, str], list[Any]]:
    found = Output.objects.filter(execution=execution).select_related("node_execution")
    values: dict[tuple[str, str], list[Any]] = {}
    for output in sorted(found, key=lambda o: (o.node_execution.path, o.node_execution.ordinal, o.index)):
        values.setdefault((output.node_execution.node, output.port), []).append(load(output))
    return values
