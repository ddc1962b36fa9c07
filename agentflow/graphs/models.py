"""Graphs: a draft of nodes and links, immutable versions, and the log of edits."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from agentflow.decoding import StoredJsonDecoder


class Graph(models.Model):
    """A named workflow. Its Node and Link rows are the current draft."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="graphs")
    #: The group that owns it with them: its members may do what their role in the group says.
    group = models.ForeignKey(Group, models.PROTECT, null=True, blank=True, related_name="graphs")
    #: Number of the last edit; the server orders edits by it.
    revision = models.PositiveBigIntegerField(default=0, editable=False)
    annotations = models.JSONField(decoder=StoredJsonDecoder, default=list, blank=True)
    limits = models.JSONField(decoder=StoredJsonDecoder, default=dict, blank=True)
    most_running = models.PositiveIntegerField(
        "executions at once",
        null=True,
        blank=True,
        help_text="Of all who run it; empty: AGENTFLOW_GRAPH_EXECUTIONS, 0: no limit.",
    )
    keep_days = models.PositiveIntegerField(
        "days kept",
        null=True,
        blank=True,
        help_text="Executions that ended earlier are deleted; empty: AGENTFLOW_KEEP_DAYS, 0: all are kept.",
    )
    keep_executions = models.PositiveIntegerField(
        "executions kept",
        null=True,
        blank=True,
        help_text="The newest of those that ended; empty: AGENTFLOW_KEEP_EXECUTIONS, 0: all are kept.",
    )
    #: The version that triggers and the API run; none: they run the draft's.
    published = models.ForeignKey("GraphVersion", models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at", "-id"]
        indexes = [models.Index(fields=["owner", "-updated_at"])]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a share lets a group do; each includes the ones before."""

    VIEWER = "viewer"
    RUNNER = "runner"
    EDITOR = "editor"


class GraphShare(models.Model):
    """A graph shared with a group."""

    graph = models.ForeignKey(Graph, models.CASCADE, related_name="shares")
    group = models.ForeignKey(Group, models.CASCADE, related_name="graph_shares")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["graph", "group"], name="share_once_per_group")]

    def __str__(self) -> str:
        return f"{self.group} is {self.role}"


class Node(models.Model):
    """One node of a draft; `key` is stable across versions."""

    graph = models.ForeignKey(Graph, models.CASCADE, related_name="nodes")
    key = models.CharField(max_length=100)
    block = models.CharField(max_length=100)
    block_version = models.PositiveIntegerField(default=1)
    title = models.CharField(max_length=200, blank=True)
    config = models.JSONField(decoder=StoredJsonDecoder, default=dict, blank=True)
    policy = models.JSONField(decoder=StoredJsonDecoder, default=dict, blank=True)
    join = models.CharField(max_length=10, default="match")
    #: What the node gives instead of running: values by port, items of a stream as a list.
    pinned = models.JSONField(decoder=StoredJsonDecoder, null=True, blank=True)
    x = models.FloatField(default=0)
    y = models.FloatField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["graph", "key"], name="node_key_once_per_graph")]

    def __str__(self) -> str:
        return self.title or self.key


class Link(models.Model):
    """One link of a draft; ports may reach into values (`body.title`)."""

    graph = models.ForeignKey(Graph, models.CASCADE, related_name="links")
    source = models.ForeignKey(Node, models.CASCADE, related_name="links_out")
    source_port = models.CharField(max_length=300)
    sink = models.ForeignKey(Node, models.CASCADE, related_name="links_in")
    sink_port = models.CharField(max_length=300)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "source_port", "sink", "sink_port"], name="link_once"),
        ]

    def __str__(self) -> str:
        return f"{self.source}.{self.source_port} → {self.sink}.{self.sink_port}"


class GraphVersion(models.Model):
    """An immutable snapshot; running a changed draft makes one."""

    graph = models.ForeignKey(Graph, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    spec = models.JSONField(decoder=StoredJsonDecoder)
    #: The draft's revision when it was taken; while the draft is still there, no comparison is needed.
    revision = models.PositiveBigIntegerField(default=0)
    #: SHA-256 of the canonical JSON without the layout.
    content_hash = models.CharField(max_length=64)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["graph", "number"], name="version_number_once_per_graph"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"


class GraphEdit(models.Model):
    """Operations that one author sent together, in the server's order."""

    graph = models.ForeignKey(Graph, models.CASCADE, related_name="edits")
    revision = models.PositiveBigIntegerField()
    #: Chosen by the client: sending an edit again, after a lost answer, changes nothing.
    edit_id = models.UUIDField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    operations = models.JSONField(decoder=StoredJsonDecoder)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-revision"]
        constraints = [
            models.UniqueConstraint(fields=["graph", "revision"], name="edit_revision_once_per_graph"),
            models.UniqueConstraint(fields=["graph", "edit_id"], name="edit_id_once_per_graph"),
        ]

    def __str__(self) -> str:
        return f"revision {self.revision}"
