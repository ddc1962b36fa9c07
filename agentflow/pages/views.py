"""Overview and list of graphs."""

from codecs import BOM_UTF8
from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_POST

from agentflow.decoding import read_json
from agentflow.graphs import services
from agentflow.graphs.permissions import get_graph, graphs_for
from agentflow.graphs.reading import name_problem
from agentflow.graphs.spec import MAX_NAME, GraphSpec, SpecError
from agentflow.pages import history
from agentflow.pages.attention import needs_attention
from agentflow.pages.charts import bar_chart


class Request(HttpRequest):
    """A request behind `login_required`."""

    user: User


GRAPHS_PER_PAGE = 50


def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers find the icon for pages that name none, such as JSON."""
    return redirect(static("img/icon.svg"))


@login_required
def overview(request: Request) -> HttpResponse:
    """The front page: the last 24 hours, and what needs attention."""
    figures = history.overview(request.user)
    return render(
        request,
        "pages/overview.html",
        {"figures": figures, "chart": bar_chart(figures.bars), "attention": needs_attention(request.user)},
    )


@login_required
def graph_list(request: Request) -> HttpResponse:
    """Graphs that the user may see, last changed first, with their last run."""
    query = request.GET.get("q", "").strip()
    graphs = services.with_last_execution(graphs_for(request.user).select_related("owner", "group")).order_by(
        "-updated_at", "-id"
    )
    if query:
        graphs = graphs.filter(name__icontains=query)
    page = Paginator(graphs, GRAPHS_PER_PAGE).get_page(request.GET.get("page"))
    strips = history.strips(graph.pk for graph in page)
    rows = [(graph, strips[graph.pk]) for graph in page]
    return render(request, "pages/graphs.html", {"page": page, "rows": rows, "query": query})


@login_required
@require_POST
def graph_new(request: Request) -> HttpResponse:
    """Make an empty graph and open it."""
    name = request.POST.get("name", "").strip()
    if name and (problem := name_problem(name, MAX_NAME)):
        messages.error(request, f"No graph was made. Its name: {problem}")
        return redirect("graphs")
    graph = services.create_graph(owner=request.user, spec=GraphSpec(name=name))
    return redirect("canvas", graph.pk)


@login_required
@require_POST
def graph_import(request: Request) -> HttpResponse:
    """Make a graph from an exported file and open it; a bad file is explained."""
    upload = request.FILES.get("file")
    if upload is None:
        messages.error(request, "Choose a JSON file that was exported from agentflow.")
        return redirect("graphs")
    try:
        graph = services.import_graph(read_json(upload.read().removeprefix(BOM_UTF8)), owner=request.user)
    except ValueError:
        messages.error(request, f"{upload.name} is not a JSON file. Nothing was imported.")
    except SpecError as error:
        first = error.problems[0]
        messages.error(request, f"{upload.name} was not imported: {first['detail']} ({first['pointer']})")
    else:
        return redirect("canvas", graph.pk)
    return redirect("graphs")


@login_required
@require_POST
def graph_copy(request: Request, graph_id: int) -> HttpResponse:
    """Make a copy that belongs to the user and open it."""
    graph = get_graph(request.user, graph_id, "viewer")
    spec = services.draft_spec(graph)
    copy = services.create_graph(owner=request.user, spec=_renamed(spec, f"{spec.name} copy"))
    return redirect("canvas", copy.pk)


@login_required
@require_POST
def graph_delete(request: Request, graph_id: int) -> HttpResponse:
    """Delete a graph with its runs; only its owner may."""
    graph = get_graph(request.user, graph_id, "owner")
    name = graph.name
    services.delete_graph(graph, by=request.user)
    messages.success(request, f"“{name}” and its runs were deleted.")
    return redirect("graphs")


def _renamed(spec: GraphSpec, name: str) -> GraphSpec:
    return replace(spec, name=name[:200])
