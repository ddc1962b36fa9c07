"""Runs that take too long, and graphs of which no run has completed for too long: looked for twice a minute."""

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from agentflow.graphs.models import Graph
from agentflow.notifications.audience import audience
from agentflow.notifications.kinds import Kind
from agentflow.notifications.models import GraphWatch, Notification
from agentflow.notifications.noticing import notice
from executions.engine.status import Status
from executions.models import ACTIVE_VALUES, Execution

BATCH = 200


def set_limits(graph: Graph, *, longest_minutes: int | None, silent_minutes: int | None) -> GraphWatch:
    """When the graph's runs are late from now on."""
    GraphWatch.objects.bulk_create([GraphWatch(graph=graph)], ignore_conflicts=True)
    with transaction.atomic():
        watch = GraphWatch.objects.select_for_update().get(graph=graph)
        if watch.silent_minutes != silent_minutes:
            watch.expected_since = timezone.now() if silent_minutes else None
        watch.longest_minutes, watch.silent_minutes = longest_minutes, silent_minutes
        watch.save(update_fields=["longest_minutes", "silent_minutes", "expected_since"])
    return watch


def tell_late() -> None:
    """Tell what is late and was not told."""
    watches = GraphWatch.objects.select_related("graph__owner")
    for watch in watches.filter(longest_minutes__isnull=False):
        _tell_long(watch)
    for watch in watches.filter(silent_minutes__isnull=False):
        _tell_silent(watch)


def _tell_long(watch: GraphWatch) -> None:
    minutes = watch.longest_minutes or 0
    runs = Execution.objects.filter(graph=watch.graph, parent=None, status__in=ACTIVE_VALUES).select_related("owner")
    for run in runs.filter(created_at__lt=Now() - timedelta(minutes=minutes)).order_by("id")[:BATCH]:
        title = f"A run of “{watch.graph.name}” takes longer than {_span(minutes)}"
        said = f"It was started on {run.created_at:%Y-%m-%d at %H:%M} UTC and is {run.status}."
        _tell(watch.graph, f"late:{run.pk}", title, said, reverse("execution", args=[run.pk]))


def _tell_silent(watch: GraphWatch) -> None:
    minutes = watch.silent_minutes or 0
    completed = Execution.objects.filter(graph=watch.graph, parent=None, status=Status.COMPLETED)
    last = completed.order_by("-id").values_list("ended_at", flat=True).first()
    since = max(filter(None, (last, watch.expected_since)), default=None)
    if since is None or timezone.now() - since < timedelta(minutes=minutes):
        return
    said = f"The last one completed on {last:%Y-%m-%d at %H:%M} UTC." if last else "None has completed yet."
    title = f"“{watch.graph.name}” is late: no run has completed for {_span(minutes)}"
    _tell(watch.graph, f"silent:{watch.pk}:{since.timestamp():.0f}", title, said, reverse("canvas", args=[watch.pk]))


def _tell(graph: Graph, key: str, title: str, text: str, path: str) -> None:
    """Tell whoever was not told before."""
    told = Notification.objects.filter(key=key).values_list("user", flat=True)
    people = [user for user in audience(graph) if user.pk not in set(told)]
    if people:
        notice(people, kind=Kind.LATE, title=title, text=text, graph=graph, path=path, key=key)


def _span(minutes: int) -> str:
    """“90 minutes” as people say it."""
    for size, word in ((1_440, "day"), (60, "hour")):
        if minutes % size == 0:
            many = minutes // size
            return f"{many} {word}{'s' * (many != 1)}"
    return f"{minutes} minute{'s' * (minutes != 1)}"
