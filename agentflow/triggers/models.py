"""Triggers: what starts graphs by itself, and what is kept of what they did."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from executions.fields import ExactJSONField


class Kind(models.TextChoices):
    """What `Execution.trigger` says of a run that a trigger started; also the beginning of its idempotency key."""

    SCHEDULE = "schedule"


class Trigger(models.Model):
    """Starts a graph in the name of a person. It outlives both, paused, so that nobody wonders where it went."""

    kind: Kind

    graph = models.ForeignKey("graphs.Graph", models.SET_NULL, null=True, related_name="%(class)ss")
    #: What the graph was called when this was last saved, or when it was deleted.
    graph_name = models.CharField(max_length=200, blank=True)
    #: In whose name it runs.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="%(class)ss")
    name = models.CharField(max_length=200, blank=True)
    #: What the graph is always given.
    inputs = ExactJSONField(default=dict)
    paused_at = models.DateTimeField(null=True)
    #: Why it paused by itself, a sentence; empty: a person paused it.
    pause_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    last_started_at = models.DateTimeField(null=True)
    #: The run that it started last, which may be gone.
    last_execution = models.UUIDField(null=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.pk}"


class Missed(models.TextChoices):
    """What becomes of due times at which nothing could run."""

    ONCE = "once", "Run once for all of them"
    ALL = "all", "Run each of them"
    SKIP = "skip", "Skip them"


class Schedule(Trigger):
    """Starts a graph whenever clocks show certain times."""

    kind = Kind.SCHEDULE

    cron = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64, default="UTC")
    missed = models.CharField(max_length=4, choices=Missed.choices, default=Missed.ONCE)
    #: The input that gets the due time; empty: none.
    time_input = models.CharField(max_length=64, blank=True)
    #: When it is due next; none while it is paused.
    due_at = models.DateTimeField(null=True)
    last_due_at = models.DateTimeField(null=True)

    class Meta(Trigger.Meta):
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="schedule_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(paused_at=None, due_at__isnull=False) | Q(paused_at__isnull=False, due_at=None),
                name="schedule_due_unless_paused",
            )
        ]


#: The model of each kind.
MODELS: dict[str, type[Any]] = {model.kind.value: model for model in (Schedule,)}
