"""What is told of runs that have ended: failed, failing again and again, all right again; and who is called."""

from collections.abc import Sequence

from django.db.models import Q
from django.urls import reverse

from agentflow.graphs.models import Graph
from agentflow.notifications import hooks
from agentflow.notifications.audience import audience
from agentflow.notifications.backoff import Streak, after_failure, after_success
from agentflow.notifications.kinds import Kind
from agentflow.notifications.models import GraphWatch, Hook
from agentflow.notifications.noticing import notice
from executions import followers
from executions.engine.status import Status
from executions.models import Execution

NAME = "notifications"
#: What started a run that somebody sees themselves.
MANUAL = "manual"


def tell_endings(runs: Sequence[Execution]) -> None:
    """Tell whoever wants to know; inside the transaction that notes that it is told."""
    for run in sorted(runs, key=lambda run: (run.ended_at or run.created_at, run.pk)):
        hooks.note(run)
        if run.status == Status.FAILED:
            _failed(run)
        elif run.status == Status.COMPLETED:
            _completed(run)


def refresh(graph: Graph) -> None:
    """Follow every ending of the graph as long as more than failures matters."""
    needs_all = Hook.objects.filter(Q(statuses__overlap=["completed", "cancelled"]), graph=graph, is_on=True).exists()
    if needs_all or GraphWatch.objects.filter(graph=graph, is_told=True).exists():
        followers.follow(graph, name=NAME)
    else:
        followers.unfollow(graph, name=NAME)


def _failed(run: Execution) -> None:
    if run.trigger == MANUAL:
        _notice(run, Kind.FAILED, f"“{run.graph.name}” failed", cause_of(run), is_manual=True)
        return
    watch = _watch(run)
    if watch is None or run.ended_at is None:
        return
    streak, kind = after_failure(_streak(watch), run.ended_at)
    _store(watch, streak, run)
    if kind is None:
        return
    if kind is Kind.FAILED:
        _notice(run, kind, f"“{run.graph.name}” failed", cause_of(run))
    else:
        title = f"“{run.graph.name}” keeps failing: {streak.failures} runs one after the other"
        _notice(run, kind, title, cause_of(run))
    refresh(run.graph)
    later = Execution.objects.filter(graph=run.graph, parent=None, status=Status.COMPLETED, ended_at__gt=run.ended_at)
    if (good := later.select_related("graph").order_by("ended_at").first()) is not None:
        _completed(good)  # it ended before anybody followed


def _completed(run: Execution) -> None:
    watch = _watch(run)
    if watch is None:
        return
    before = _streak(watch)
    streak, kind = after_success(before)
    _store(watch, streak, run)
    if kind is not None:
        many = f"{before.failures} runs had" if before.failures != 1 else "One run had"
        title = f"“{run.graph.name}” is all right again"
        _notice(run, kind, title, f"{many} failed before this one completed.")
        refresh(run.graph)


def cause_of(run: Execution) -> str:
    """Why the run failed, in words."""
    error = run.error or {}
    node = f"{error['node']}: " if error.get("node") else ""
    return f"{node}{error.get('detail') or error.get('title') or run.reason or 'No reason is known.'}"


def _notice(run: Execution, kind: Kind, title: str, text: str, *, is_manual: bool = False) -> None:
    path = reverse("execution", args=[run.pk])
    notice(
        audience(run.graph, run.owner),
        kind=kind,
        title=title,
        text=text,
        graph=run.graph,
        path=path,
        key="" if is_manual else f"{kind}:{run.pk}",
        is_manual=is_manual,
    )


def _watch(run: Execution) -> GraphWatch | None:
    """The graph's row, locked; None: a newer run counts already."""
    GraphWatch.objects.bulk_create([GraphWatch(graph=run.graph)], ignore_conflicts=True)
    watch = GraphWatch.objects.select_for_update().get(graph=run.graph)
    is_old = watch.ended_at is not None and run.ended_at is not None and run.ended_at < watch.ended_at
    return None if is_old else watch


def _streak(watch: GraphWatch) -> Streak:
    return Streak(watch.failures, watch.level, watch.told_at, watch.failed_at, watch.is_told)


def _store(watch: GraphWatch, streak: Streak, run: Execution) -> None:
    watch.failures, watch.level, watch.told_at = streak.failures, streak.level, streak.told_at
    watch.failed_at, watch.is_told, watch.ended_at = streak.failed_at, streak.is_told, run.ended_at
    watch.save(update_fields=["failures", "level", "told_at", "failed_at", "is_told", "ended_at"])
