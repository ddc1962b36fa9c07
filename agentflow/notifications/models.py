"""Who wants to be told what and how, what each person was told, and what was sent where."""

from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agentflow.notifications.kinds import ALL, Kind, Pace, Way
from executions.fields import ExactJSONField
from executions.ids import uuid7


def all_kinds() -> list[str]:
    """Everything that can be chosen."""
    return [*ALL]


class Channel(models.Model):
    """One way in which a person is told, and what of all their graphs is told so."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="channels")
    way = models.CharField(max_length=10, choices=Way.choices)
    name = models.CharField(max_length=100)
    #: Of an Apprise target: its address, encrypted, and what of it may be shown.
    sealed = models.TextField(blank=True, editable=False)
    shown = models.CharField(max_length=100, blank=True, editable=False)
    #: Name of the key that encrypted it.
    key = models.CharField(max_length=16, blank=True, editable=False)
    pace = models.CharField(max_length=10, choices=Pace.choices, default=Pace.AT_ONCE)
    #: Unless a rule says otherwise for a graph.
    kinds = ArrayField(models.CharField(max_length=10, choices=Kind.choices), default=all_kinds, blank=True)
    #: Also failures of runs that people start by hand, and so see themselves.
    includes_manual = models.BooleanField(default=False)
    #: Nothing is told in this way until the person wants it again.
    stopped_at = models.DateTimeField(null=True, blank=True)
    #: Why the last message could not be sent; empty: it could.
    problem = models.TextField(blank=True, editable=False)
    last_sent_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "way"], condition=Q(way__in=[Way.BELL, Way.MAIL]), name="channel_once_per_user"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """What of one graph is told in one way, in the place of what the channel says for all."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="rules")
    graph = models.ForeignKey("graphs.Graph", models.CASCADE, related_name="notification_rules")
    #: Nothing: the graph is muted.
    kinds = ArrayField(models.CharField(max_length=10, choices=Kind.choices), default=all_kinds, blank=True)
    includes_manual = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["channel", "graph"], name="rule_once_per_graph")]

    def __str__(self) -> str:
        return f"{self.channel}: {self.graph}"


class Notification(models.Model):
    """What one person is told."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    #: Null: it is about none, or about one that is deleted.
    graph = models.ForeignKey("graphs.Graph", models.SET_NULL, null=True, related_name="+")
    #: What makes it the same as another one, of which a person is told once; empty: nothing.
    key = models.CharField(max_length=100, blank=True)
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    #: The page that it is about, without the host.
    path = models.CharField(max_length=200, blank=True)
    #: How often it has happened since the person looked.
    times = models.PositiveIntegerField(default=1)
    #: Shown by the bell.
    is_shown = models.BooleanField(default=True)
    happened_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-happened_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-happened_at"], condition=Q(is_shown=True), name="notification_of_user"),
            models.Index(fields=["user"], condition=Q(is_shown=True, read_at=None), name="notification_unread"),
            models.Index(fields=["happened_at"], name="notification_by_time"),
        ]
        constraints = [models.UniqueConstraint(fields=["user", "key"], condition=~Q(key=""), name="told_once_per_key")]

    def __str__(self) -> str:
        return self.title


class Sending(models.Model):
    """Something that is sent by a job, until it is there or given up: the row is the truth, the job the doorbell."""

    class State(models.TextChoices):
        """Where it stands."""

        PENDING = "pending", "To be sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"
        #: Nobody wanted it any more when it was due.
        DROPPED = "dropped", "Not wanted any more"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    #: Somebody is at it until then, or has died.
    claimed_until = models.DateTimeField(null=True)
    #: What went wrong last.
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ["-id"]


class Delivery(Sending):
    """A notification on its way to one channel."""

    notification = models.ForeignKey(Notification, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="deliveries")
    #: Those that go in the same message; one that is tried again holds the same ones under the same number.
    message = models.UUIDField(null=True)

    class Meta(Sending.Meta):
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="pending"), name="delivery_due"),
            models.Index(fields=["created_at"], name="delivery_by_time"),
        ]
        constraints = [models.UniqueConstraint(fields=["notification", "channel"], name="delivered_once_per_channel")]

    def __str__(self) -> str:
        return f"{self.notification} to {self.channel}"


class GraphWatch(models.Model):
    """How a graph's runs go, and when they are late."""

    graph = models.OneToOneField("graphs.Graph", models.CASCADE, primary_key=True, related_name="watch")
    #: See `backoff.Streak`.
    failures = models.PositiveIntegerField(default=0, editable=False)
    level = models.PositiveIntegerField(default=0, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    is_told = models.BooleanField(default=False, editable=False)
    #: When the newest run ended that counts in this.
    ended_at = models.DateTimeField(null=True, editable=False)
    #: A run that takes longer is late; null: none is.
    longest_minutes = models.PositiveIntegerField(null=True, blank=True)
    #: The graph is late when for so long no run has completed; null: never.
    silent_minutes = models.PositiveIntegerField(null=True, blank=True)
    #: Since when somebody waits for that.
    expected_since = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "graph watches"

    def __str__(self) -> str:
        return f"Watch of {self.graph}"


def failed_and_completed() -> list[str]:
    """What a hook is called for if nobody says otherwise."""
    return ["completed", "failed"]


class Hook(models.Model):
    """An address that is called when a graph's runs end: a completion webhook."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    graph = models.ForeignKey("graphs.Graph", models.CASCADE, related_name="hooks")
    url = models.CharField(max_length=1_000)
    statuses = ArrayField(models.CharField(max_length=10), default=failed_and_completed)
    #: Send the run's outputs as well, if they are small.
    includes_outputs = models.BooleanField(default=False)
    is_on = models.BooleanField(default=True)
    #: Signs what is sent; encrypted.
    sealed = models.TextField(editable=False)
    key = models.CharField(max_length=16, editable=False)
    problem = models.TextField(blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"Hook of {self.graph}"


class HookCall(Sending):
    """One call of a hook, with all its tries."""

    hook = models.ForeignKey(Hook, models.CASCADE, related_name="calls")
    #: Null: a test.
    execution = models.UUIDField(null=True)
    body = ExactJSONField(default=dict)
    #: What the last try was answered with.
    answer = models.PositiveIntegerField(null=True)

    class Meta(Sending.Meta):
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="pending"), name="hook_call_due"),
            models.Index(fields=["created_at"], name="hook_call_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["hook", "execution"], condition=Q(execution__isnull=False), name="hook_called_once_per_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hook}: {self.execution or 'test'}"
