"""The list of runs, and what can be done with one there."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from agentflow.graphs.models import Role
from agentflow.graphs.permissions import get_graph, graphs_for
from agentflow.graphs.views import UserRequest
from agentflow.pages import history
from agentflow.pages.addresses import number
from agentflow.triggers.models import Kind
from executions.asked import STATES
from executions.engine.status import Status
from executions.models import Approval, Execution
from executions.origin import trigger_of
from executions.rerun import retry_execution
from executions.services import StartRefused, cancel_execution, rerun_execution

RUNS_PER_PAGE = 50
#: Chips above the list of runs: what people look for, in their words.
FILTERS = {
    "": ("All", ()),
    "active": ("Running", (Status.QUEUED, Status.RUNNING)),
    "waiting": ("Waiting", (Status.WAITING,)),
    "failed": ("Failed", (Status.FAILED,)),
    "completed": ("Completed", (Status.COMPLETED,)),
    "cancelled": ("Cancelled", (Status.CANCELLED,)),
}


@login_required
@require_safe
def execution_list(request: UserRequest) -> HttpResponse:
    """Runs, newest first, by pages of a cursor that never counts."""
    runs, shown = _filtered(request)
    runs, before = _before(runs, request.GET.get("before", ""))
    rows = list(runs[: RUNS_PER_PAGE + 1])
    page = rows[:RUNS_PER_PAGE]
    context = {
        **shown,
        "runs": page,
        "next": str(page[-1].pk) if len(rows) > RUNS_PER_PAGE else "",
        "before": before,
        "filters": [(key, label) for key, (label, _) in FILTERS.items()],
        "questions": _questions(page),
        "runnable": _runnable(request.user, page),
    }
    return render(request, "pages/executions.html", context)


@login_required
@require_POST
def execution_retry(request: UserRequest, execution_id: UUID) -> HttpResponse:
    """Take up what failed, and open the new run; steps that must happen once are asked about on the run's own page."""
    run = _found(request, execution_id)
    try:
        made = retry_execution(run, user=request.user)
    except StartRefused as error:
        return _refused(request, run, error)
    return redirect("execution", made.pk)


@login_required
@require_POST
def execution_rerun(request: UserRequest, execution_id: UUID) -> HttpResponse:
    """Start the same once more, and open the new run."""
    run = _found(request, execution_id)
    try:
        made = rerun_execution(run, user=request.user)
    except StartRefused as error:
        return _refused(request, run, error)
    return redirect("execution", made.pk)


@login_required
@require_POST
def execution_cancel(request: UserRequest, execution_id: UUID) -> HttpResponse:
    """Ask a run to end."""
    cancel_execution(_found(request, execution_id), user=request.user)
    messages.success(request, "The run is being cancelled.")
    return redirect("executions")


def _found(request: UserRequest, execution: UUID) -> Execution:
    """The run, if the user may run its graph."""
    run = Execution.objects.defer("inputs", "outputs", "events").filter(pk=execution).first()
    if run is None:
        raise Http404
    get_graph(request.user, run.graph_id, Role.RUNNER)
    return run


def _refused(request: UserRequest, run: Execution, error: StartRefused) -> HttpResponse:
    detail = " ".join(problem["detail"] for problem in error.problems)
    address = reverse("execution", args=[run.pk])
    messages.error(request, format_html('It was not started: {} <a href="{}">Open the run</a>', detail, address))
    return redirect("executions")


def _filtered(request: UserRequest) -> tuple[QuerySet[Execution], dict[str, Any]]:
    """The runs that the address asks for, and what the page shows of the choice."""
    chosen = request.GET.get("status", "")
    chosen = chosen if chosen in FILTERS else ""
    runs, graph, batch = history.visible_executions(request.user).order_by("-id"), None, request.GET.get("batch", "")
    if statuses := FILTERS[chosen][1]:
        runs = runs.filter(status__in=statuses)
    if graph_id := number(request.GET.get("graph", "")):
        graph = get_graph(request.user, graph_id, Role.VIEWER)
        runs = runs.filter(graph=graph)
    trigger = _trigger(request.GET.get("trigger", ""))
    if trigger:
        runs = runs.filter(trigger=trigger.partition(":")[0], idempotency_key__startswith=f"{trigger}:")
    try:
        runs = runs.filter(batch=UUID(batch))
    except ValueError:
        batch = ""
    kept = {"graph": graph and graph.pk, "batch": batch, "trigger": trigger}
    query = "".join(f"&{name}={value}" for name, value in kept.items() if value)
    return runs, {"chosen": chosen, "graph": graph, "batch": batch, "kept": query}


def _trigger(text: str) -> str:
    """What names a trigger, `schedule:7`; empty if the text does not."""
    kind, _, _ = text.partition(":")
    found = trigger_of(kind, f"{text}:-")
    return f"{found[0]}:{found[1]}" if found and kind in Kind.values else ""


def _before(runs: Any, value: str) -> tuple[Any, str]:
    try:
        return runs.filter(pk__lt=UUID(value)), value
    except ValueError:
        return runs, ""


def _questions(runs: Iterable[Execution]) -> dict[UUID, UUID]:
    """An open question of each waiting run that has one."""
    waiting = [run.pk for run in runs if run.status == Status.WAITING]
    open_ones = Approval.objects.filter(STATES["open"], execution__in=waiting).order_by("-id")
    return dict(open_ones.values_list("execution_id", "pk")) if waiting else {}


def _runnable(user: User, runs: Iterable[Execution]) -> set[int]:
    graphs = graphs_for(user, Role.RUNNER).filter(pk__in={run.graph_id for run in runs})
    return set(graphs.values_list("pk", flat=True))
