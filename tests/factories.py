"""Objects with the least that is valid; people have names: Alice edits, Bob views, Charlie is a stranger."""

from itertools import pairwise
from typing import Any

from django.contrib.auth.models import Group, User

from agentflow.graphs.models import Graph, GraphShare, Link, Node, Role

PASSWORD = "open-sesame"


def user(name: str, **fields: Any) -> User:
    return User.objects.create_user(username=name, password=PASSWORD, **fields)


def graph(owner: User, drawing: str = "", *, name: str = "Graph", block: str = "core.value") -> Graph:
    """A graph whose draft is drawn: `graph(alice, "a -> b -> c; a -> d")`; every node is one `block`."""
    made = Graph.objects.create(owner=owner, name=name)
    keys, links = drawn(drawing)
    nodes = {key: Node.objects.create(graph=made, key=key, block=block, x=200 * i) for i, key in enumerate(keys)}
    Link.objects.bulk_create(
        Link(graph=made, source=nodes[a], source_port="value", sink=nodes[b], sink_port="value") for a, b in links
    )
    return made


def drawn(drawing: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Node keys in the order of their first mention, and links, of a drawing `a -> b -> d; a -> c -> d`."""
    chains = [[key.strip() for key in chain.split("->")] for chain in drawing.split(";") if chain.strip()]
    keys = list(dict.fromkeys(key for chain in chains for key in chain))
    return keys, [pair for chain in chains for pair in pairwise(chain)]


def share(shared: Graph, member: User, role: Role = Role.VIEWER) -> GraphShare:
    """Let `member` use the graph with this role, by a group of their own."""
    group, _ = Group.objects.get_or_create(name=f"{member.get_username()}'s group")
    group.user_set.add(member)
    return GraphShare.objects.create(graph=shared, group=group, role=role)
