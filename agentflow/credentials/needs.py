"""The credentials that a graph's nodes name: which are missing for whoever runs it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from agentflow.credentials.kinds import title_of
from agentflow.credentials.permissions import credentials_for
from agentflow.graphs.models import Role
from agentflow.graphs.ports import Registry
from agentflow.graphs.spec import GraphSpec
from agentflow.graphs.validation import Problem, pointer_to
from agentflow.graphs.wiring import name_of
from blocks.base import Block
from blocks.credential import kinds_of


@dataclass(frozen=True, slots=True)
class Need:
    """An input of a node that names a credential."""

    number: int
    node: str
    #: What people call the node and the input.
    node_name: str
    title: str
    input: str
    #: As the config has it; may be anything.
    id: str
    kinds: tuple[str, ...]


def needs_of(spec: GraphSpec, registry: Registry) -> tuple[Need, ...]:
    """What the graph's nodes name; inputs that are empty name nothing."""
    found = []
    for number, node in enumerate(spec.nodes):
        block = registry.find(node.block)
        for input, title, kinds in _inputs(node.block, block) if block else ():
            if (id := node.config.get(input)) not in (None, ""):
                found.append(Need(number, node.key, name_of(node), title, input, str(id), kinds))
    return tuple(found)


def missing(needs: Iterable[Need], user: User) -> tuple[Problem, ...]:
    """A problem for each credential that the user may not use, or that is of another kind; one query if there are any."""
    needs = tuple(needs)
    ids = {parsed for need in needs if (parsed := _uuid(need.id))}
    usable = credentials_for(user, Role.RUNNER).filter(pk__in=ids) if ids else ()
    kinds = {str(credential.pk): credential.kind for credential in usable}
    return tuple(problem for need in needs if (problem := _problem(need, kinds, user)))


def problems_for_owner(spec: GraphSpec, registry: Registry, owner: User) -> Iterable[Problem]:
    """For `agentflow.graphs.outside`."""
    needs = needs_of(spec, registry)
    return missing(needs, owner) if needs else ()


def credentials_of(block_id: str, block: type[Block], values: Mapping[str, Any]) -> set[UUID]:
    """Ids of the credentials that a node's values name."""
    named = (values.get(input) for input, _, _ in _inputs(block_id, block))
    return {parsed for id in named if isinstance(id, str) and (parsed := _uuid(id))}


def _problem(need: Need, usable: Mapping[str, str], user: User) -> Problem | None:
    kind = usable.get(str(_uuid(need.id)))
    if kind in need.kinds:
        return None
    if kind is None:
        code = "missing_credential"
        detail = (
            f"“{need.title}” of {need.node_name} names a credential that is gone or that {user.get_username()} may not "
            "use. Choose another one, or share it for use with a group of theirs."
        )
    else:
        code = "wrong_credential"
        wanted = " or ".join(title_of(each) for each in need.kinds)
        detail = f"“{need.title}” of {need.node_name} takes {wanted}; what is chosen is of the kind {title_of(kind)}."
    return Problem(code, pointer_to("nodes", need.number, "config", need.input), detail, need.node)


def _inputs(id: str, block: type[Block]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Name, title and kinds of the inputs that take a credential; they do not depend on the config."""
    known = _KNOWN.get(id)
    if known is None or known[0] is not block:
        known = _KNOWN[id] = (block, _read_inputs(block))
    return known[1]


#: By block id, with the class that was read.
_KNOWN: dict[str, tuple[type[Block], tuple[tuple[str, str, tuple[str, ...]], ...]]] = {}


def _read_inputs(block: type[Block]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    try:
        ports = block.input_ports({})
    except Exception:  # noqa: BLE001 - anybody's block: then none is known
        return ()
    return tuple((port.name, port.title or port.name, kinds) for port in ports if (kinds := kinds_of(port.schema)))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
