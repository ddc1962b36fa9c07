"""Executions and their records: the rows are the event log, ordered by one `seq` per execution."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from executions.engine.status import ACTIVE, Reason, Status
from executions.fields import ExactJSONField
from executions.ids import uuid7

STATUS_CHOICES = [(s.value, s.value.capitalize()) for s in Status]
ACTIVE_VALUES = sorted(ACTIVE)


class Worker(models.Model):
    """One incarnation of a worker process and its lease, by the database's clock."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    host = models.CharField(max_length=200)
    process_id = models.PositiveIntegerField()
    queue = models.CharField(max_length=50)
    capacity = models.PositiveIntegerField()
    version = models.CharField(max_length=50)
    started_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["expires_at"], condition=Q(stopped_at=None), name="worker_lease")]

    def __str__(self) -> str:
        return self.name


class Totals(models.Model):
    """What one worker has counted since it started, or somebody without a lease at one moment (`executions.totals`)."""

    #: That of the worker; zero: all who are gone.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    #: By metric and labels (`gauges.Counts`).
    counts = models.JSONField()
    #: Of the last minute: {seconds, executions, node_executions}.
    recent = models.JSONField(db_default={}, default=dict)

    class Meta:
        verbose_name_plural = "totals"

    def __str__(self) -> str:
        return str(self.id)


class Execution(models.Model):
    """One run of one graph version."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    graph = models.ForeignKey("graphs.Graph", models.CASCADE, related_name="executions")
    version = models.ForeignKey("graphs.GraphVersion", models.RESTRICT, related_name="executions")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="executions")
    status = models.CharField(max_length=10, choices=STATUS_CHOICES, default=Status.QUEUED)
    #: Why it failed: `reason` typed, `error` a problem `{title, detail, node?}`.
    reason = models.CharField(max_length=10, blank=True, choices=[(r.value, r.value) for r in Reason])
    error = models.JSONField(null=True)
    inputs = ExactJSONField(default=dict)
    outputs = ExactJSONField(null=True)
    #: What started it: manual, api, schedule, webhook, …
    trigger = models.CharField(max_length=20, default="manual")
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    #: The parent's node execution that waits for this one; its `waits` name this one as the child.
    parent_node = models.UUIDField(null=True)
    #: Parents above this one.
    depth = models.PositiveSmallIntegerField(db_default=0, default=0)
    #: The parent was woken when this one ended; set in the transaction that woke it.
    told_parent = models.BooleanField(db_default=True, default=True)
    #: How deep its parents let it go on; null: nobody above has a say.
    depth_limit = models.PositiveIntegerField(null=True)
    #: What its root has left of the limit of node executions; null: the graph's own limit.
    node_limit = models.PositiveIntegerField(null=True)
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="retries")
    #: Which results of `retry_of` are kept and which nodes run (`rerun.Choice`); null: everything runs.
    choice = ExactJSONField(null=True)
    #: Nodes with pinned data give it instead of running.
    use_pins = models.BooleanField(db_default=False, default=False)
    #: Executions started by one request have the id of the first of them.
    batch = models.UUIDField(null=True)
    idempotency_key = models.CharField(max_length=200, blank=True)
    #: SHA-256 of the start's body: the same key with another body is a conflict.
    idempotency_digest = models.CharField(max_length=64, blank=True)
    #: Node executions by outcome: {"completed": 3, "failed": 1, "handled": 1, "skipped": 0, "cancelled": 0, "total": 4}.
    counts = models.JSONField(default=dict)
    cost = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    #: Runs at a time; fixed at the start, because a replay must decide as the first run did.
    concurrency = models.PositiveIntegerField(default=100)
    #: Number of the newest recorded event.
    seq = models.PositiveBigIntegerField(default=0)
    holder = models.ForeignKey(Worker, models.SET_NULL, null=True, related_name="executions")
    #: Fencing token: raised by every claim; a write with a lower one is lost.
    epoch = models.PositiveIntegerField(default=0)
    #: What happened to the run as a whole: [{at, kind, text, seq}], e.g. "worker lost, resumed on …"; bounded.
    #: A lost worker's has `since`, its last sign of life: it renewed its lease or recorded something of this run.
    events = models.JSONField(default=list)
    #: It was active in a backup that was restored: steps that must happen once may have happened after the backup.
    restored_at = models.DateTimeField(null=True)
    wake_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    #: Since when it waits for a worker, while it is QUEUED; by the database's clock.
    queued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["graph", "-id"], name="execution_of_graph"),
            models.Index(fields=["owner", "-id"], name="execution_of_owner"),
            models.Index(fields=["status", "-id"], name="execution_by_status"),
            models.Index(fields=["id"], condition=Q(status="queued"), name="execution_queued"),
            models.Index(fields=["owner", "graph", "id"], condition=Q(status="queued"), name="execution_lane"),
            models.Index(fields=["owner"], condition=Q(status="running"), name="execution_running_of_owner"),
            models.Index(fields=["graph"], condition=Q(status="running"), name="execution_running_of_graph"),
            models.Index(fields=["holder"], condition=Q(status__in=ACTIVE_VALUES), name="execution_held"),
            models.Index(fields=["wake_at"], condition=Q(status="waiting"), name="execution_due"),
            models.Index(
                fields=["id"], condition=Q(told_parent=False, ended_at__isnull=False), name="execution_untold"
            ),
            models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="execution_of_batch"),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="execution_ended"),
            models.Index(
                fields=["id"],
                condition=Q(ended_at=None, cancel_requested_at__isnull=False),
                name="execution_cancelled",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "graph", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="execution_once_per_key",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, status__in=ACTIVE_VALUES)
                | Q(ended_at__isnull=False) & ~Q(status__in=ACTIVE_VALUES),
                name="execution_ended_when_final",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class EndedRun(models.Model):
    """An execution without a parent that has ended, as long as not all followers know it: the outbox of `followers`.

    Written in the transaction that ends the execution, if it failed or if somebody follows its graph.
    """

    #: It may be gone.
    execution = models.OneToOneField(
        Execution, models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    #: Names of the followers that know it, and of those that could not take it.
    handled_by = ArrayField(models.CharField(max_length=50), db_default=[], default=list)
    failed_by = ArrayField(models.CharField(max_length=50), db_default=[], default=list)
    #: How often one of them could not, and when those are told again.
    failures = models.PositiveIntegerField(db_default=0, default=0)
    not_before = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return str(self.pk)


class FollowedGraph(models.Model):
    """A graph of whose executions somebody wants to know every ending, not only failures."""

    graph = models.ForeignKey("graphs.Graph", models.CASCADE, db_constraint=False, related_name="+")
    #: Name of the follower.
    follower = models.CharField(max_length=50)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["graph", "follower"], name="graph_followed_once")]

    def __str__(self) -> str:
        return f"{self.follower} follows {self.graph_id}"


class UserLimit(models.Model):
    """How many executions of one user run at once; without a row AGENTFLOW_USER_EXECUTIONS."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", primary_key=True)
    most_running = models.PositiveIntegerField("executions at once", help_text="0: no limit.")

    def __str__(self) -> str:
        return f"{self.user}: {self.most_running or 'no limit'}"


class NodeExecution(models.Model):
    """One run of one node. The id follows from execution, node, path and ordinal (`ids.node_execution_id`)."""

    id = models.UUIDField(primary_key=True, editable=False)
    execution = models.ForeignKey(Execution, models.CASCADE, related_name="node_executions")
    node = models.CharField(max_length=100)
    block = models.CharField(max_length=100)
    path = ArrayField(models.PositiveIntegerField(), default=list)
    ordinal = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=10, choices=STATUS_CHOICES)
    #: Failed: `{message, kind, block, attempt, handled}`. Skipped: `{message, port}`.
    error = models.JSONField(null=True)
    #: Which outputs arrived where: [[number of the link in the version, seq of the Output], …].
    arrivals = models.JSONField(default=list)
    #: Lines of context.log: [[seconds since the start, level, message], …]; bounded.
    log = models.JSONField(default=list)
    #: What it waits for or has waited for, by the name that the block gave: {"for": "timer", "until": …}, {"for": "retry",
    #: "until": …, "failures": n}, {"for": "approval", "approval": id, "answer": …}, {"for": "graph", "child": id, …}.
    waits = models.JSONField(db_default={}, default=dict)
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cost = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    usage = models.JSONField(default=dict)
    #: Its outputs are those of an earlier execution.
    reused = models.BooleanField(default=False)
    #: Its outputs are what somebody pinned to the node.
    pinned = models.BooleanField(db_default=False, default=False)
    #: Event number of the newest change of this row.
    seq = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["seq"]
        constraints = [
            models.UniqueConstraint(fields=["execution", "node", "path", "ordinal"], name="node_execution_once"),
            models.UniqueConstraint(fields=["execution", "seq"], name="node_execution_seq_once"),
        ]

    def __str__(self) -> str:
        return f"{self.node} {self.path}" if self.path else self.node


class Charge(models.Model):
    """What one node execution cost: the ledger. A row never changes, and outlives its execution and its graph."""

    #: That of the node execution.
    id = models.UUIDField(primary_key=True, editable=False)
    #: Of these three any may be gone.
    execution = models.ForeignKey(Execution, models.DO_NOTHING, null=True, db_constraint=False, related_name="charges")
    graph = models.ForeignKey(
        "graphs.Graph", models.DO_NOTHING, null=True, db_constraint=False, related_name="+", db_index=False
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, db_constraint=False, related_name="+", db_index=False
    )
    node = models.CharField(max_length=100)
    block = models.CharField(max_length=100)
    #: US dollars.
    amount = models.DecimalField(max_digits=14, decimal_places=6)
    #: Of work, without waits.
    seconds = models.FloatField()
    #: As the block gave it: tokens, items, bytes, model, …
    usage = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["created_at"], name="charge_by_time"),
            models.Index(fields=["graph", "created_at"], name="charge_of_graph"),
            models.Index(fields=["owner", "created_at"], name="charge_of_owner"),
        ]
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="charge_is_positive")]

    def __str__(self) -> str:
        return f"{self.node}: {self.amount} $"


class Approval(models.Model):
    """A question to a person: may this go on, or what became of a step that must happen once."""

    class Kind(models.TextChoices):
        """What is asked."""

        APPROVAL = "approval"
        OUTCOME = "outcome"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    execution = models.ForeignKey(Execution, models.CASCADE, related_name="approvals")
    node_execution = models.ForeignKey(NodeExecution, models.CASCADE, related_name="approvals")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    instructions = models.TextField(blank=True)
    payload = ExactJSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    #: approved, rejected; for an outcome: repeat, happened, fail. Empty: nobody has decided.
    decision = models.CharField(max_length=10, blank=True, db_default="", default="")
    #: The payload as the person left it; for "happened": the outputs by port.
    answer = ExactJSONField(null=True)
    comment = models.TextField(blank=True, db_default="", default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    #: The run ended before anybody decided.
    closed_at = models.DateTimeField(null=True)
    #: Whoever may decide was told, if they want to be.
    announced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["-id"], condition=Q(decided_at=None, closed_at=None), name="approval_open"),
            models.Index(
                fields=["id"],
                condition=Q(decided_at=None, closed_at=None, announced_at=None),
                name="approval_unannounced",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Blob(models.Model):
    """A large value or a file, by content; the bytes are in Django's storage."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=100, default="application/json")
    storage_name = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.media_type}, {self.size} bytes"


class Output(models.Model):
    """One value that a run yielded; `value` or, above 32 KB, a blob."""

    pk = models.CompositePrimaryKey("execution_id", "seq")
    execution = models.ForeignKey(Execution, models.CASCADE, related_name="+")
    seq = models.PositiveBigIntegerField()
    node_execution = models.ForeignKey(NodeExecution, models.CASCADE, related_name="outputs")
    index = models.PositiveIntegerField()
    port = models.CharField(max_length=100)
    value = ExactJSONField(null=True)
    blob = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["node_execution", "index"], name="output_index_once")]

    def __str__(self) -> str:
        return f"{self.port} #{self.index}"


class NodeJob(models.Model):
    """One isolated attempt of a node, run by a `nodes` worker; `token` guards against late or doubled jobs.

    The row is there as long as its host wants the result: a process whose row is gone must die.
    """

    token = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    #: No foreign key: the job may be written before the node execution's row is.
    node_execution_id = models.UUIDField()
    execution = models.ForeignKey(Execution, models.CASCADE, related_name="node_jobs")
    #: What the process needs: {block, input, context: {…}, timeout_seconds}.
    payload = ExactJSONField()
    created_at = models.DateTimeField(db_default=Now())
    claimed_at = models.DateTimeField(null=True)
    #: Host and process id of the process that runs it.
    claimed_by = models.CharField(max_length=200, blank=True)
    #: The process says that it lives; silence means that it is gone.
    beat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    #: {outputs: [[port, value], …], error: {…} or null, log: […]}.
    result = ExactJSONField(null=True)

    class Meta:
        ordering = ["-token"]
        indexes = [models.Index(fields=["created_at"], condition=Q(ended_at=None), name="node_job_open")]

    def __str__(self) -> str:
        return str(self.token)
