"""The written cases in the simulator: whatever the timing, and wherever a crash falls, the table is right."""

import re
from pathlib import Path

import pytest

from executions.engine.plan import PlanError
from executions.inputs import InputsRefused
from tests.engine.cases.judging import differences
from tests.engine.cases.reading import Case, cases
from tests.engine.cases.simulated import plan_of, play, seen

SCHEDULES = 200
#: Schedules whose events are cut off at every place.
CRASHES = 3
#: Runs at a time, in turn.
CONCURRENCIES = (0, 1, 2, 5)

PLAYED = [case for case in cases() if not case.refused]
REFUSED = [case for case in cases() if case.refused]


@pytest.mark.parametrize("case", PLAYED, ids=str)
def test_case_under_every_schedule(case: Case) -> None:
    for seed in range(SCHEDULES):
        played = play(case, seed=seed, concurrency=CONCURRENCIES[seed % 4])
        assert differences(case, seen(played)) == [], f"seed {seed}"


@pytest.mark.parametrize("case", PLAYED, ids=str)
def test_case_after_a_crash_at_every_event(case: Case) -> None:
    for seed in range(CRASHES):
        earlier = play(case, seed=seed, concurrency=CONCURRENCIES[seed % 4])
        for known in range(len(earlier.events) + 1):
            concurrency = CONCURRENCIES[(seed + known) % 4]
            played = play(case, seed=seed + known, concurrency=concurrency, known=earlier.events[:known])
            assert differences(case, seen(played, is_known=True)) == [], f"seed {seed}, {known} events"


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused_case(case: Case) -> None:
    problems = _problems(case)
    assert problems.keys() == case.refused.keys()
    assert all(part in problems[pointer] for pointer, part in case.refused.items()), problems


def _problems(case: Case) -> dict[str, str]:
    try:
        play(case, seed=0)
    except PlanError as error:
        return {problem.pointer: problem.detail for problem in error.problems}
    except InputsRefused as error:
        return {problem["pointer"]: problem["detail"] for problem in error.problems}
    return {}


@pytest.mark.parametrize("case", PLAYED, ids=str)
def test_table_names_every_node(case: Case) -> None:
    """A node that is not in a case's table is one that a stop kept from running."""
    named = {node for node, _, _ in case.runs}
    assert case.status != "completed" or named == set(plan_of(case).nodes)


def test_examples_of_the_page_are_cases() -> None:
    page = (Path(__file__).parents[2] / "agentflow/docs/how-graphs-run.md").read_text()
    examples = re.findall(r"^```graph\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    known = {case.text["graph"] for case in cases()}
    assert len(examples) > 10
    assert [example for example in examples if example not in known] == []
