"""Compiled plans of the versions that ran last; a version never changes, so a plan is right for ever."""

from collections import OrderedDict

from executions.engine.plan import Plan

#: Nodes of all plans that are kept: large graphs push out others, and the one used last stays.
MOST_NODES = 20_000


class Plans:
    """Plans by version, the least used dropped first."""

    def __init__(self, most_nodes: int = MOST_NODES) -> None:
        self._most_nodes = most_nodes
        self._plans: OrderedDict[int, Plan] = OrderedDict()
        self._nodes = 0

    def get(self, version: int) -> Plan | None:
        """The plan, if it is kept."""
        if version in self._plans:
            self._plans.move_to_end(version)
        return self._plans.get(version)

    def keep(self, version: int, plan: Plan) -> None:
        """Have it for the next run."""
        if version not in self._plans:
            self._plans[version] = plan
            self._nodes += len(plan.order)
        while self._nodes > self._most_nodes and len(self._plans) > 1:
            _, dropped = self._plans.popitem(last=False)
            self._nodes -= len(dropped.order)
