"""Problems of a graph that only higher apps can see, such as a credential that is gone: they register who looks."""

from collections.abc import Callable, Iterable

from django.contrib.auth.models import User

from agentflow.graphs.ports import Registry
from agentflow.graphs.spec import GraphSpec
from agentflow.graphs.validation import Problem

#: Given the graph, the blocks, and whose rights count.
Look = Callable[[GraphSpec, Registry, User], Iterable[Problem]]

_looks: list[Look] = []


def register(look: Look) -> None:
    """Have this function look at each graph that is checked; once, in `AppConfig.ready`."""
    if look not in _looks:
        _looks.append(look)


def outside_problems(spec: GraphSpec, registry: Registry, owner: User) -> tuple[Problem, ...]:
    """What they all find."""
    return tuple(problem for look in _looks for problem in look(spec, registry, owner))
