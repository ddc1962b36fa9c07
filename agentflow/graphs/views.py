"""The canvas page: one document that the front end fills from its boot data."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render, resolve_url
from django.templatetags.static import static
from django.urls import reverse

from agentflow.graphs.detail import graph_detail
from agentflow.graphs.live import person
from agentflow.graphs.models import Graph
from agentflow.graphs.permissions import get_graph


class UserRequest(HttpRequest):
    """A request behind `login_required`."""

    user: User


@login_required
def canvas(request: UserRequest, graph_id: int) -> HttpResponse:
    """The editor of a graph; `?execution=<id>` opens it on one of its runs."""
    graph = get_graph(request.user, graph_id)
    return canvas_page(request, graph, execution=request.GET.get("execution"))


def canvas_page(
    request: UserRequest, graph: Graph, *, execution: str | None = None, version: int | None = None
) -> HttpResponse:
    """The page of a graph the user may see; with `version` it shows that version's run and edits nothing."""
    # The page's calls need the token's cookie, also when no form was shown before.
    get_token(request)
    boot: dict[str, Any] = {
        "graph": graph_detail(graph, request.user),
        "execution": execution,
        "version": version,
        "user": person(request.user),
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "urls": {
            "api": f"{reverse('overview')}api/v1/",
            "ws": f"{reverse('overview')}ws/",
            "home": reverse("overview"),
            "graphs": reverse("graphs"),
            "login": resolve_url(settings.LOGIN_URL),
            "static": static("canvas/"),
        },
    }
    return render(request, "graphs/canvas.html", {"graph": graph, "boot": boot})
