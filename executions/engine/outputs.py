"""The outputs of an execution: what its output nodes gave."""

from typing import Any

from executions.engine.commands import Path, Run
from executions.engine.tables import Plan


class Outputs:
    """Values of the output nodes while an execution runs."""

    __slots__ = ("_plan", "_values")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._values: dict[str, dict[tuple[Path, tuple[int, ...], int], Any]] = {}

    def put(self, run: Run, value: Any) -> None:
        """Note what a run of an output node gave."""
        links = tuple(arrival.link for arrival in run.arrivals)
        self._values.setdefault(run.node, {})[run.path, links, run.ordinal] = value

    def read(self, ran: set[str]) -> dict[str, Any]:
        """Outputs by name; `ran` are the keys of the nodes that gave loops.

        In a loop: the list by path, then link, then ordinal, empty when the loop had nothing. Outside: the last of them.
        An output whose node never ran is absent.
        """
        found: dict[str, Any] = {}
        for key, name in self._plan.outputs.items():
            values = self._values.get(key)
            roots = self._plan.nodes[key].roots
            if roots and (values or ran.issuperset(roots)):
                found[name] = [value for _, value in sorted((values or {}).items(), key=lambda entry: entry[0])]
            elif values:
                found[name] = values[max(values)]
        return found
