"""What waits for a person, and what people have decided."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from agentflow.graphs.models import Role
from agentflow.graphs.permissions import get_graph
from agentflow.graphs.views import UserRequest
from agentflow.pages.addresses import number
from agentflow.pages.questions import NoJson, Question, Typed, cards, payload_of, questions
from executions.approvals import AlreadyDecided, DecisionRefused, decide
from executions.asked import STATES, found, visible
from executions.models import Approval

OPEN_PER_PAGE = 20
HISTORY_PER_PAGE = 50
#: Below the open questions.
SHORT_HISTORY = 10
#: What was decided, in words.
DECIDED = {
    "approved": "Approved",
    "rejected": "Rejected",
    "repeat": "To be repeated",
    "happened": "It happened",
    "fail": "Failed",
}


@login_required
@require_safe
def approval_list(request: UserRequest) -> HttpResponse:
    """Open questions, the longest waiting first, and below them what was decided; or all that was decided."""
    rows, graph = visible(request.user), None
    if graph_id := number(request.GET.get("graph", "")):
        graph = get_graph(request.user, graph_id)
        rows = rows.filter(execution__graph=graph)
    only_history = request.GET.get("show") == "decided"
    context = {"graph": graph, "only_history": only_history, "words": DECIDED}
    if not only_history:
        context |= _open(request, rows)
    return render(request, "pages/approvals.html", context | _history(request, rows, only=only_history))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def approval(request: UserRequest, approval_id: UUID) -> HttpResponse:
    """One question; a POST decides it."""
    row = questions(visible(request.user)).filter(pk=approval_id).first()
    if row is None:
        raise Http404
    question = cards(request.user, [row])[0]
    if request.method == "POST":
        return _decide(request, question)
    return _page(request, question)


def _decide(request: UserRequest, question: Question) -> HttpResponse:
    """Decide as the form says; a mistake is shown beside what was typed."""
    typed = Typed(request.POST.get("payload", question.text), request.POST.get("comment", "").replace("\0", ""))
    decision = request.POST.get("decision", "")
    approval = found(request.user, question.asked.pk, Role.RUNNER)
    try:
        payload = payload_of(question, typed.payload, decision)
        made = decide(approval, user=request.user, decision=decision, payload=payload, comment=typed.comment)
    except NoJson as error:
        return _page(request, question, replace(typed, errors={"payload": [str(error)]}), status=422)
    except DecisionRefused as error:
        return _page(request, question, replace(typed, errors=_by_field(error)), status=422)
    except AlreadyDecided as error:
        return _too_late(request, error.approval, typed, decision)
    messages.success(request, _told(made, question))
    return redirect("approvals")


def _too_late(request: UserRequest, approval: Approval, typed: Typed, decision: str) -> HttpResponse:
    """Who was faster; to press a button twice is no conflict."""
    row: Any = questions(visible(request.user)).get(pk=approval.pk)
    question = cards(request.user, [row])[0]
    if approval.decided_by_id == request.user.pk and approval.decision == decision:
        messages.success(request, _told(approval, question))
        return redirect("approvals")
    return _page(request, question, typed, status=409, is_too_late=True)


def _page(
    request: UserRequest, question: Question, typed: Typed | None = None, *, status: int = 200, **more: Any
) -> HttpResponse:
    shown = replace(question, typed=typed or question.typed)
    if typed and not more:
        shown = replace(shown, text=typed.payload)
    return render(request, "pages/approval.html", {"question": shown, "words": DECIDED, **more}, status=status)


def _open(request: UserRequest, rows: QuerySet[Approval]) -> dict[str, Any]:
    """A page of open questions, those first that have waited longest."""
    waiting, after = _beyond(rows.filter(STATES["open"]).order_by("id"), "pk__gt", request.GET.get("after", ""))
    found = list(questions(waiting)[: OPEN_PER_PAGE + 1])
    more = str(found[OPEN_PER_PAGE - 1].pk) if len(found) > OPEN_PER_PAGE else ""
    return {"questions": cards(request.user, found[:OPEN_PER_PAGE]), "after": after, "more": more}


def _history(request: UserRequest, rows: QuerySet[Approval], *, only: bool) -> dict[str, Any]:
    """What is no longer open, newest question first."""
    size = HISTORY_PER_PAGE if only else SHORT_HISTORY
    over, before = _beyond(rows.exclude(STATES["open"]).order_by("-id"), "pk__lt", request.GET.get("before", ""))
    found = list(questions(over)[: size + 1])
    older = str(found[size - 1].pk) if len(found) > size else ""
    return {"history": found[:size], "before": before, "older": older}


def _beyond(rows: QuerySet[Approval], lookup: str, cursor: str) -> tuple[QuerySet[Approval], str]:
    """The rows beyond the one of the address, and the cursor; all for an address that names none."""
    try:
        return rows.filter(Q((lookup, UUID(cursor)))), cursor
    except ValueError:
        return rows, ""


def _by_field(error: DecisionRefused) -> dict[str, list[str]]:
    """The problems by the first part of their pointers."""
    found: dict[str, list[str]] = {}
    for problem in error.problems:
        found.setdefault(problem["pointer"].split("/")[1], []).append(problem["detail"])
    return found


def _told(made: Approval, question: Question) -> str:
    """What the next page says of the decision."""
    return format_html(
        '{}: “{}”. <a href="{}">Show the run</a>',
        DECIDED[made.decision],
        question.asked.node_title,
        reverse("execution", args=[made.execution_id]),
    )
