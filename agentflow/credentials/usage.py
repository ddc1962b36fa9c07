"""Where credentials are used: the drafts that name them."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection

from agentflow.credentials.models import Credential
from agentflow.graphs.models import Graph
from agentflow.graphs.permissions import graphs_for

#: Credentials are named by members of a config; one pass over the nodes, however many are asked for.
NAMED = """
    SELECT DISTINCT member.value, n.graph_id FROM graphs_node n, jsonb_each_text(n.config) member
    WHERE jsonb_typeof(n.config) = 'object' AND member.value = ANY(%s)
"""


def graphs_by_credential(credentials: Iterable[Credential]) -> dict[UUID, set[int]]:
    """Ids of the graphs whose drafts name each credential, whoever may see them."""
    ids = [str(credential.pk) for credential in credentials]
    found: dict[UUID, set[int]] = defaultdict(set)
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(NAMED, [ids])
            for id, graph in cursor.fetchall():
                found[UUID(id)].add(graph)
    return found


def graphs_using(credential: Credential, user: User) -> tuple[list[Graph], int]:
    """The graphs that the user sees, and how many others there are."""
    ids = graphs_by_credential([credential])[credential.pk]
    seen = list(graphs_for(user).filter(pk__in=ids).order_by("name"))
    return seen, len(ids) - len(seen)
