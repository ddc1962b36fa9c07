"""The page of one run: the canvas on the version that ran."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse

from agentflow.graphs.permissions import get_graph
from agentflow.graphs.views import UserRequest, canvas_page
from executions.models import Execution


@login_required
def execution(request: UserRequest, execution_id: UUID) -> HttpResponse:
    """The run, live or over, on the graph as it was; 404 for who may not see the graph."""
    found = Execution.objects.select_related("version").filter(pk=execution_id).first()
    if found is None:
        raise Http404
    graph = get_graph(request.user, found.graph_id)
    return canvas_page(request, graph, execution=str(found.pk), version=found.version.number)
