"""The page that shares a graph."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group, User
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from agentflow.accounts.access import groups_of
from agentflow.accounts.models import GroupRole
from agentflow.graphs import sharing
from agentflow.graphs.models import Graph, Role
from agentflow.graphs.permissions import get_graph, graphs_for


class Request(HttpRequest):
    """A request behind `login_required`."""

    user: User


@login_required
def graph_sharing(request: Request, graph_id: int) -> HttpResponse:
    """With whom the graph is shared; only its owner sees that."""
    graph = get_graph(request.user, graph_id, "owner")
    shares = graph.shares.select_related("group").order_by("group__name")
    context = {
        "graph": graph,
        "shares": shares,
        "roles": Role.choices,
        "groups": groups_of(request.user).exclude(pk__in=shares.values("group")).order_by("name"),
        "own": groups_of(request.user, GroupRole.EDITOR).order_by("name"),
    }
    return render(request, "pages/sharing.html", context)


@login_required
@require_POST
def graph_share(request: Request, graph_id: int) -> HttpResponse:
    """Share with one of the user's groups; with an empty role stop sharing."""
    graph = get_graph(request.user, graph_id, "owner")
    role = request.POST.get("role", "")
    known = Q(pk__in=groups_of(request.user)) | Q(pk__in=graph.shares.values("group"))
    group = get_object_or_404(Group.objects.filter(known), pk=_number(request.POST.get("group")))
    if role in Role.values:
        sharing.share(graph, group=group, role=role, by=request.user)
        messages.success(
            request, f"Members of {group.name} may be {role}s of “{graph.name}”, as far as their own role goes."
        )
    else:
        sharing.unshare(graph, group=group, by=request.user)
        messages.success(request, f"“{graph.name}” is not shared with {group.name} any more.")
    return redirect("graph-sharing", graph.pk)


@login_required
@require_POST
def graph_give(request: Request, graph_id: int) -> HttpResponse:
    """Have a group own the graph, or nobody but its owner."""
    graph = get_graph(request.user, graph_id, "owner")
    wanted = request.POST.get("group", "")
    mine = groups_of(request.user, GroupRole.EDITOR)
    group = get_object_or_404(mine, pk=_number(wanted)) if wanted else None
    sharing.give_to_group(graph, group=group, by=request.user)
    messages.success(request, f"“{graph.name}” belongs to {group.name if group else 'its owner alone'}.")
    return redirect("graph-sharing", graph.pk) if _still_owns(request, graph) else redirect("graphs")


def _still_owns(request: Request, graph: Graph) -> bool:
    return graphs_for(request.user, "owner").filter(pk=graph.pk).exists()


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
