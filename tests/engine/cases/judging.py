"""Compare what happened with what a case says, wherever it happened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.engine.cases.reading import Case, Key, Outcome

COUNTED = ("completed", "failed", "handled", "skipped", "cancelled")
_MISSING = Outcome("absent")


@dataclass(slots=True)
class Seen:
    """An execution that is over."""

    status: str
    reason: str
    error: str
    outputs: Mapping[str, Any]
    rows: Mapping[Key, Outcome]
    counts: Mapping[str, int]
    #: By node and port: values by path, then ordinal, then order.
    values: Mapping[tuple[str, str], list[Any]] = field(default_factory=dict)
    #: When each run started and ended.
    spans: Mapping[Key, tuple[float, float]] = field(default_factory=dict)


def differences(case: Case, seen: Seen) -> list[str]:
    """What is not as the case says; empty when all is."""
    return [*_ending(case, seen), *_rows(case, seen), *_counts(seen), *_values(case, seen), *_crowds(case, seen)]


def _ending(case: Case, seen: Seen) -> Iterator[str]:
    if (seen.status, seen.reason) != (case.status, case.reason):
        yield f"the execution: {seen.status} {seen.reason}: {seen.error}"
    elif case.error not in seen.error:
        yield f"its error: {seen.error}"
    if not any(same(seen.outputs, outputs) for outputs in case.outputs):
        yield f"the outputs: {dict(seen.outputs)}"


def _rows(case: Case, seen: Seen) -> Iterator[str]:
    for key in sorted({*case.runs, *seen.rows}):
        expected, found = case.runs.get(key, (_MISSING,)), seen.rows.get(key, _MISSING)
        if not any(_is(one, found) for one in expected):
            yield f"{key}: {found}, not {' or '.join(map(str, expected))}"


def _is(expected: Outcome, found: Outcome) -> bool:
    return (
        expected.status == found.status
        and expected.message in found.message
        and (not expected.attempt or not found.attempt or expected.attempt == found.attempt)
    )


def _counts(seen: Seen) -> Iterator[str]:
    counted = dict.fromkeys(COUNTED, 0)
    for row in seen.rows.values():
        counted[row.status] = counted.get(row.status, 0) + 1
    found = {name: seen.counts.get(name, 0) for name in counted}
    if found != counted:
        yield f"the counts: {found}, not {counted}"


def _values(case: Case, seen: Seen) -> Iterator[str]:
    for (node, port), values in case.gives.items():
        found = seen.values.get((node, port), [])
        if not same(found, values):
            yield f"{node}.{port} gave {found}"


def _crowds(case: Case, seen: Seen) -> Iterator[str]:
    for node, most in case.at_most.items():
        spans = [span for key, span in seen.spans.items() if key[0] == node]
        crowd = max((sum(start <= at < end for start, end in spans) for at, _ in spans), default=0)
        if crowd > most:
            yield f"{crowd} runs of {node} at a time"


def same(a: Any, b: Any) -> bool:
    """Equal and of the same types: 1 is not true."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)
