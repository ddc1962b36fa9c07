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
    WEBHOOK = "webhook"
    FORM = "form"
    CHAIN = "chain"


class Trigger(models.Model):
    """Starts a graph in the name of a person. It outlives both, paused, so that nobody wonders where it went."""

    kind: Kind

    graph = models.ForeignKey("graphs.Graph", models.SET_NULL, null=True, related_name="%(class)ss")
    #: What the graph was called when this was made, or when it was deleted.
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


class Addressed(Trigger):
    """A trigger with an address that nobody can guess (`agentflow.triggers.tokens`)."""

    #: Chance from which, with the server's secret key, the address is made.
    nonce = models.CharField(max_length=64)
    #: SHA-256 of the address' secret part: what a request is found by.
    digest = models.CharField(max_length=64, unique=True)

    class Meta(Trigger.Meta):
        abstract = True


class Method(models.TextChoices):
    """How a delivery may be sent."""

    POST = "POST"
    PUT = "PUT"
    GET = "GET"


class Webhook(Addressed):
    """Starts a graph whenever somebody sends something to its address."""

    kind = Kind.WEBHOOK

    method = models.CharField(max_length=4, choices=Method.choices, default=Method.POST)
    #: Which part of a delivery each input gets (`agentflow.triggers.mapping`); empty: each member of the body its own.
    mapping = ExactJSONField(default=dict)
    #: How deliveries are signed (`agentflow.triggers.signatures.Scheme`); empty: they are not.
    signature = ExactJSONField(default=dict)
    #: Whose secret the signature is made with; without one, nothing signed is taken.
    credential = models.ForeignKey("credentials.Credential", models.SET_NULL, null=True, related_name="webhooks")
    #: The header that names a delivery: the same name again starts nothing again. Empty: none does.
    delivery_header = models.CharField(max_length=100, blank=True)
    #: The output that a delivery is answered with; empty: it is answered at once.
    answer_output = models.CharField(max_length=64, blank=True)
    answer_seconds = models.PositiveIntegerField(default=30)
    most_bytes = models.PositiveIntegerField(default=1_000_000)


class Delivery(models.Model):
    """What came to a webhook, and what became of it; the newest are kept."""

    class Status(models.TextChoices):
        """What became of it."""

        STARTED = "started"
        REPEATED = "repeated"
        REFUSED = "refused"

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    received_at = models.DateTimeField(db_default=Now())
    status = models.CharField(max_length=10, choices=Status.choices)
    #: What it was answered: the status code, and a sentence if it was refused.
    code = models.PositiveSmallIntegerField()
    detail = models.TextField(blank=True)
    #: The run; it may be gone.
    execution = models.UUIDField(null=True)
    #: What names the event; the same one again starts nothing again.
    event = models.CharField(max_length=100, blank=True)
    #: {method, query, headers}: without secrets.
    request = ExactJSONField(default=dict)
    media_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveIntegerField(default=0)
    #: Empty if it was larger than what is kept.
    body = models.BinaryField(null=True)
    replay_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="replays")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Form(Addressed):
    """A page that asks for a graph's inputs and starts it."""

    kind = Kind.FORM

    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    #: Anybody who knows the address; else whoever is logged in.
    is_public = models.BooleanField(default=False)
    #: The page after it shows what the graph gave.
    shows_outputs = models.BooleanField(default=True)
    #: Starts in a minute, from all together.
    most_per_minute = models.PositiveIntegerField(default=30)


class After(models.TextChoices):
    """Which endings of the other graph count."""

    SUCCESS = "success", "it completed"
    FAILURE = "failure", "it failed"
    EITHER = "either", "it completed or failed"


class Chain(Trigger):
    """Starts a graph when a run of another one has ended."""

    kind = Kind.CHAIN

    source = models.ForeignKey("graphs.Graph", models.SET_NULL, null=True, related_name="chained")
    source_name = models.CharField(max_length=200, blank=True)
    after = models.CharField(max_length=10, choices=After.choices, default=After.SUCCESS)
    #: Which part of the other run each input gets.
    mapping = ExactJSONField(default=dict)


#: The model of each kind.
MODELS: dict[str, type[Any]] = {model.kind.value: model for model in (Schedule, Webhook, Form, Chain)}
