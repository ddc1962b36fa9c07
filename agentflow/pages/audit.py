"""Pages of the audit log: all of it for staff, and the history of one graph.

Who ran a graph and who edited its draft is not stored twice: runs and edits are rows that name their author, and the
history of the graph reads them beside the log.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from agentflow.accounts.models import AuditEntry
from agentflow.graphs.models import Graph, GraphEdit
from agentflow.graphs.permissions import get_graph
from executions.models import Execution

PER_PAGE = 50
#: Of these kinds of things the page says the name alone.
PLAIN_KINDS = frozenset({"Graph", "User"})


class Request(HttpRequest):
    """A request behind `login_required`."""

    user: User


class Deed(NamedTuple):
    """One line of the page."""

    at: datetime
    actor: str
    action: str
    target: str
    kind: str = ""
    link: str = ""
    detail: str = ""
    via: str = ""
    address: str = ""


@login_required
def audit_log(request: Request) -> HttpResponse:
    """Everything that is recorded, for staff who may see it."""
    if not (request.user.is_staff and request.user.has_perm("accounts.view_auditentry")):
        raise Http404
    query = request.GET.get("q", "").strip()[:100]
    rows = AuditEntry.objects.filter(id__lt=_number(request.GET.get("before")))
    if query:
        rows = rows.filter(
            Q(actor_name__icontains=query) | Q(action__icontains=query) | Q(target_name__icontains=query)
        )
    found = list(rows[: PER_PAGE + 1])
    older = found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None
    return _page(request, map(_recorded, found[:PER_PAGE]), older=older, query=query)


@login_required
def graph_history(request: Request, graph_id: int) -> HttpResponse:
    """Who did what to a graph; for those who may edit it."""
    graph = get_graph(request.user, graph_id, "editor")
    found = sorted(_deeds_of(graph, _moment(request.GET.get("before"))), key=lambda deed: deed.at, reverse=True)
    older = found[PER_PAGE - 1].at.isoformat() if len(found) > PER_PAGE else None
    return _page(request, found[:PER_PAGE], older=older, graph=graph)


def _page(request: HttpRequest, deeds: Iterable[Deed], **more: Any) -> HttpResponse:
    return render(request, "pages/audit.html", {"deeds": list(deeds), **more})


def _deeds_of(graph: Graph, before: datetime | None) -> Iterable[Deed]:
    """The newest of each source; one more than fit on a page."""
    entries = AuditEntry.objects.filter(graph_id=graph.pk)
    runs = Execution.objects.filter(graph=graph, parent=None).select_related("owner").order_by("-id")
    edits = graph.edits.select_related("author").order_by("-revision")
    if before is not None:
        entries, runs, edits = (
            entries.filter(at__lt=before),
            runs.filter(created_at__lt=before),
            edits.filter(created_at__lt=before),
        )
    most = PER_PAGE + 1
    shown = runs.only("id", "trigger", "created_at", "owner")[:most]
    return chain(map(_recorded, entries[:most]), map(_ran, shown), map(_edited, edits[:most]))


def _recorded(row: AuditEntry) -> Deed:
    kind = row.target_kind.rpartition(".")[2]
    return Deed(
        row.at,
        row.actor_name,
        row.action,
        row.target_name,
        "" if kind in PLAIN_KINDS else kind.lower(),
        _link(row),
        _words(row.detail),
        row.via,
        row.address,
    )


def _ran(run: Execution) -> Deed:
    link = reverse("execution", args=[run.pk])
    return Deed(run.created_at, run.owner.get_username(), "ran", str(run.pk)[:8], "execution", link, via=run.trigger)


def _edited(edit: GraphEdit) -> Deed:
    names = dict.fromkeys(str(operation.get("op", "")).replace("_", " ") for operation in edit.operations)
    author = edit.author.get_username() if edit.author else ""
    return Deed(edit.created_at, author, "changed", str(edit), "draft", detail=", ".join(names))


def _link(row: AuditEntry) -> str:
    if row.target_kind == "graphs.Graph" and row.action != "deleted":
        return reverse("canvas", args=[row.target_id])
    return reverse("execution", args=[row.target_id]) if row.target_kind == "executions.Execution" else ""


def _words(detail: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in detail.items() if value not in (None, "", [], {})}
    return ", ".join(f"{name} {_text(value)}" for name, value in shown.items())


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 2**63 - 1


def _moment(text: str | None) -> datetime | None:
    """A moment of the address; a `+` of its offset may have become a space."""
    try:
        found = parse_datetime((text or "").replace(" ", "+"))
    except ValueError:
        return None
    return found if found and found.tzinfo else None
