"""The admin's page of workers, their leases, and what is stuck; and what may be done about it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from executions.mending import give_up, hand_back, ring_again
from executions.models import Execution
from executions.services import cancel_execution
from executions.stuck import MOST, Found, Kind, stuck, workers

#: Title and meaning of each kind.
WORDS: dict[Kind, tuple[str, str]] = {
    Kind.UNCLAIMED: ("Queued and not taken", "No worker is alive, all are full, or they do not look."),
    Kind.UNHELD: ("Held by a lost worker", "Its lease is over, or nobody holds it; the sweeper should have queued it."),
    Kind.OVERDUE: ("Waiting for a time that is over", "The sweeper should have queued it."),
    Kind.ANSWERED: ("Waiting for an answer that is there", "A decision was made, or another graph's run has ended."),
    Kind.UNCANCELLED: ("Cancelled and not ended", "Its worker should have ended it, or else the sweeper."),
    Kind.UNTAKEN: ("Steps that no nodes worker takes", "No nodes worker is alive, or all are busy."),
    Kind.SILENT: ("Steps whose process is silent", "Its host should offer the step again."),
}


class Verb(NamedTuple):
    """What can be done with what is stuck."""

    title: str
    #: What it means, before somebody confirms it.
    meaning: str
    #: For the admin's log; followed by what was done to each.
    logged: str
    act: Callable[[Execution, User], object]


VERBS = {
    "ring": Verb(
        "Ring again",
        "The workers are told of them once more. Nothing is lost or repeated by it.",
        "Rang again.",
        lambda run, user: ring_again(run),
    ),
    "hand_back": Verb(
        "Hand back",
        "They are queued, and another worker goes on where their records end. What a worker that still holds them does "
        "from now on is not kept. Steps that were under way are done again, but those that must happen only once are asked about.",
        "Handed back.",
        lambda run, user: hand_back(run, user=user),
    ),
    "cancel": Verb(
        "Cancel",
        "They end as cancelled, and the runs of other graphs that they started, too.",
        "Cancelled.",
        lambda run, user: cancel_execution(run, user=user),
    ),
    "give_up": Verb(
        "Mark as failed",
        "They end as failed, whoever holds them. They can be retried from the failed nodes afterwards.",
        "Marked as failed.",
        lambda run, user: give_up(run, user=user),
    ),
}


class Section(NamedTuple):
    """One kind for the page."""

    kind: Kind
    title: str
    meaning: str
    found: Found


class StuckPage:
    """The page of `WorkerAdmin`."""

    def get_urls(self: Any) -> list[URLPattern]:
        """Also the page of what is stuck."""
        view = self.admin_site.admin_view(self.stuck_view)
        return [
            path("stuck/", view, name="executions_worker_stuck"),
            *super().get_urls(),  # type: ignore[misc]  # the admin's
        ]

    def stuck_view(self: Any, request: HttpRequest) -> HttpResponse:
        """Show it; a POST asks whether to do something about the chosen, and does it once that is confirmed."""
        if not self.has_view_permission(request) or not request.user.has_perm("executions.view_execution"):
            raise PermissionDenied
        if request.method == "POST":
            return _done(self, request)
        found = stuck()
        sections = [Section(kind, *WORDS[kind], found[kind]) for kind in Kind if found[kind].rows]
        found_workers = workers()
        context = {
            "title": "Workers and stuck runs",
            "workers": found_workers,
            "is_hosted": any(worker.hosts and worker.state in ("live", "silent") for worker in found_workers),
            "sections": sections,
            "most": MOST,
            "verbs": VERBS if _may_operate(request) else {},
            "now": timezone.now(),
        }
        return _page(self, request, "stuck", context)


def _may_operate(request: HttpRequest) -> bool:
    return request.user.has_perm("executions.change_execution")


def _done(admin: Any, request: HttpRequest) -> HttpResponse:
    verb = VERBS.get(request.POST.get("verb", ""))
    if verb is None or not _may_operate(request):
        raise PermissionDenied
    runs = _chosen(request.POST.getlist("execution"))
    if not runs:
        admin.message_user(request, "Choose at least one that is not over.", level="warning")
    elif "confirmed" not in request.POST:
        context = {"title": verb.title, "verb": request.POST["verb"], "meaning": verb.meaning, "runs": runs}
        return _page(admin, request, "confirm", context)
    else:
        for run in runs:
            verb.act(run, cast(User, request.user))
            admin.log_change(request, run, verb.logged)
        admin.message_user(request, f"{verb.logged} {len(runs)} run{'s' * (len(runs) > 1)}.")
    return HttpResponseRedirect(reverse("admin:executions_worker_stuck"))


def _chosen(given: Sequence[str]) -> list[Execution]:
    """The executions that the form names, as far as they exist and are not over."""
    ids = set()
    for text in given[: MOST * len(Kind)]:
        try:
            ids.add(UUID(text))
        except ValueError:
            continue
    rows = Execution.objects.filter(pk__in=ids, ended_at=None).select_related("graph")
    return list(rows.defer("inputs", "outputs", "events"))


def _page(admin: Any, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    shared = {**admin.admin_site.each_context(request), "opts": admin.opts, "media": admin.media}
    return TemplateResponse(request, f"admin/executions/worker/{name}.html", shared | context)
