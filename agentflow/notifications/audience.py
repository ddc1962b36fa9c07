"""Who hears of what happens to a graph: its owner, and whoever has a rule for it and may still see it."""

from django.contrib.auth.models import User

from agentflow.graphs.models import Graph, Role
from agentflow.graphs.permissions import graphs_for
from agentflow.notifications.models import Rule


def audience(graph: Graph, *further: User, role: str = Role.VIEWER) -> list[User]:
    """Active people who may do with the graph what the role may, of those who care; `further` ones care this time."""
    listening = User.objects.filter(pk__in=Rule.objects.filter(graph=graph).values("channel__user"))
    people = {user.pk: user for user in (graph.owner, *further, *listening)}
    return [user for user in people.values() if user.is_active and may(user, graph, role)]


def may(user: User, graph: Graph, role: str = Role.VIEWER) -> bool:
    """Whether the user may do with the graph what the role may."""
    return graph.owner_id == user.pk or graphs_for(user, role).filter(pk=graph.pk).exists()
