"""Shapes of requests, and of answers for the OpenAPI description; answers are written from plain data."""

from typing import Any

from rest_framework import serializers

from agentflow.graphs.api.serializers import AnyJsonField, ObjectField, PersonSerializer, Shape, StrictShape
from executions.approvals import MAX_COMMENT
from executions.engine.status import Reason, Status
from executions.models import Approval
from executions.services import MOST_AT_ONCE
from executions.watched import HeldUp

NODE_STATUSES = [status.value for status in Status]
APPROVAL_KINDS = [kind.value for kind in Approval.Kind]
APPROVAL_STATES = ["open", "decided", "closed"]
WAITS = ["timer", "retry", "approval", "outcome", "graph"]
HELD_UP = [reason.value for reason in HeldUp]
EXECUTION_STATUSES = [status for status in NODE_STATUSES if status != Status.SKIPPED]


class GraphNameSerializer(Shape):
    """The graph of an execution."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class CountsSerializer(Shape):
    """Node executions by outcome."""

    total = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    handled = serializers.IntegerField(help_text="Failed, and the error travelled on; not among `failed`.")
    skipped = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    running = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="For a time, a person or another graph.")
    queued = serializers.IntegerField()


class ExecutionSerializer(Shape):
    """One run of one graph version."""

    id = serializers.UUIDField()
    graph = GraphNameSerializer()
    version = serializers.IntegerField()
    status = serializers.ChoiceField(EXECUTION_STATUSES)
    reason = serializers.ChoiceField([reason.value for reason in Reason], allow_blank=True)
    error = ObjectField(allow_null=True)
    counts = CountsSerializer()
    cost = serializers.CharField(
        allow_null=True, help_text="US dollars of its own node executions, as decimal text; null: nothing."
    )
    trigger = serializers.CharField()
    trigger_id = serializers.IntegerField(
        allow_null=True, help_text="Of the schedule, webhook, form or chain that started it, as `trigger` says."
    )
    owner = PersonSerializer()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    seq = serializers.IntegerField(help_text="Number of the newest event.")
    cancel_requested = serializers.BooleanField()
    wake_at = serializers.DateTimeField(allow_null=True, help_text="When an execution that waits goes on by itself.")
    parent = serializers.UUIDField(  # type: ignore[assignment]  # a field, which the metaclass takes out of the class
        allow_null=True, help_text="The execution that started this one and waits for it."
    )
    retry_of = serializers.UUIDField(allow_null=True)
    choice = ObjectField(allow_null=True, help_text="What it runs and keeps of `retry_of`.")
    batch = serializers.UUIDField(allow_null=True, help_text="The first of those that were started together.")


class StartedSerializer(ExecutionSerializer):
    """An execution that was started, with its outputs as far as it is over."""

    outputs = ObjectField()
    url = serializers.URLField()
    events_url = serializers.URLField()


class EventSerializer(Shape):
    """Something that happened to a run as a whole."""

    at = serializers.DateTimeField()
    since = serializers.DateTimeField(required=False, help_text="Of a lost worker: its last sign of life.")
    kind = serializers.CharField()
    text = serializers.CharField()
    seq = serializers.IntegerField()


class BatchSerializer(Shape):
    """Executions that were started together, in the order of their inputs."""

    executions = StartedSerializer(many=True)
    count = serializers.IntegerField()


class ChildSerializer(Shape):
    """An execution of another graph that a node of this one has started."""

    id = serializers.UUIDField()
    graph = GraphNameSerializer()
    node = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(EXECUTION_STATUSES)


class ExecutionDetailSerializer(StartedSerializer):
    """An execution with what it was given."""

    inputs = ObjectField()
    children = ChildSerializer(many=True, help_text="The first hundred.")
    cost_below = serializers.CharField(
        allow_null=True, help_text="US dollars of all that it has started, directly or not; not part of `cost`."
    )
    events = EventSerializer(
        many=True, help_text="The newest twenty, oldest first: a worker lost, resumed on another, …"
    )
    held_up_by = serializers.ChoiceField(
        HELD_UP, allow_blank=True, help_text="Why it does not go on although it should; empty when nothing holds it up."
    )


class WaitSerializer(Shape):
    """What a node execution waits for."""

    until = serializers.DateTimeField(required=False)
    approval = serializers.UUIDField(required=False)
    child = serializers.UUIDField(required=False)
    graph = serializers.IntegerField(required=False)
    failures = serializers.IntegerField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """With `for`, which Python does not take for a name."""
        return {"for": serializers.ChoiceField(WAITS), **super().get_fields()}


class UsageSerializer(Shape):
    """Sums over all attempts; the words are the last one's."""

    input_tokens = serializers.IntegerField(required=False)
    output_tokens = serializers.IntegerField(required=False)
    tokens = serializers.IntegerField(required=False)
    items = serializers.IntegerField(required=False)
    bytes = serializers.IntegerField(required=False)
    usd = serializers.FloatField(required=False)
    seconds = serializers.FloatField(required=False, help_text="Of work, where it is paid for.")
    model = serializers.CharField(required=False)
    provider = serializers.CharField(required=False)
    node_executions = serializers.IntegerField(required=False, help_text="Of the graphs that it ran.")


class NodeRowSerializer(Shape):
    """One run of one node."""

    id = serializers.UUIDField()
    node = serializers.CharField()
    block = serializers.CharField()
    path = serializers.ListField(child=serializers.IntegerField())
    ordinal = serializers.IntegerField()
    attempt = serializers.IntegerField()
    interrupted = serializers.IntegerField(help_text="Attempts that ended because their worker was lost or stopped.")
    status = serializers.ChoiceField(NODE_STATUSES)
    handled = serializers.BooleanField()
    reused = serializers.BooleanField(help_text="The result of an earlier execution.")
    pinned = serializers.BooleanField(help_text="What somebody pinned to the node.")
    waiting = WaitSerializer(allow_null=True)
    children = serializers.ListField(child=serializers.UUIDField(), help_text="Executions that it started.")
    error = ObjectField(allow_null=True)
    usage = UsageSerializer(help_text="What it has used, as far as its block says.")
    cost = serializers.CharField(allow_null=True, help_text="US dollars, as decimal text; null: nothing.")
    queued_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    seq = serializers.IntegerField()


class NodePageSerializer(Shape):
    """Node executions that changed, oldest change first; go on reading from `seq`, until it is `head`."""

    seq = serializers.IntegerField()
    head = serializers.IntegerField()
    results = NodeRowSerializer(many=True)


class OutputSerializer(Shape):
    """One yielded value; a large one is cut, its whole is at `…/outputs/{index}/`."""

    index = serializers.IntegerField()
    port = serializers.CharField()
    value = AnyJsonField(allow_null=True)
    size = serializers.IntegerField(help_text="Bytes of the whole value's JSON.")
    truncated = serializers.BooleanField()


class LogLineSerializer(Shape):
    """One line of a node's log."""

    at = serializers.DateTimeField(allow_null=True)
    level = serializers.CharField()
    message = serializers.CharField()


class NodeDetailSerializer(NodeRowSerializer):
    """One run of one node with what went in and came out."""

    inputs = ObjectField(help_text="By port; large values are cut.")
    cut_inputs = serializers.DictField(child=serializers.IntegerField(), help_text="Bytes of the inputs that are cut.")
    input_error = serializers.CharField(allow_blank=True, help_text="Why the inputs are not shown.")
    outputs = OutputSerializer(many=True)
    more_outputs = serializers.BooleanField(help_text="Ask again with `after` = the last index.")
    log = LogLineSerializer(many=True)


class StartRequest(StrictShape):
    """What to run."""

    inputs = ObjectField(required=False, help_text="By the names of the graph's inputs.")
    inputs_list = serializers.ListField(
        child=ObjectField(),
        required=False,
        help_text=f"Instead of `inputs`: start one execution for each, up to {MOST_AT_ONCE:,}, all or none.",
    )
    keep = serializers.UUIDField(
        required=False, help_text="An execution of the graph: its results stand for nodes whose input is the same."
    )
    pins = serializers.BooleanField(
        required=False,
        help_text="Nodes with pinned data give it instead of running; by default only in the draft of who is logged in.",
    )
    version = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Left out, a token runs the published version, if there is one; otherwise the draft runs.",
    )
    draft = serializers.BooleanField(
        required=False, help_text="Run the draft even if a version is published; a version that is named wins."
    )


class RetryRequest(StrictShape):
    """What to run again: nothing of this means from the failed nodes."""

    node = serializers.CharField(required=False, help_text="This node alone, on `inputs`.")
    inputs = ObjectField(required=False, help_text="Of `node`, by port; what is left out is as configured.")
    to = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Nothing but these nodes and what they need."
    )
    repeat_once = serializers.BooleanField(
        required=False, help_text="Steps that must happen only once may happen again."
    )

    def get_fields(self) -> dict[str, Any]:
        """With `from`, which Python does not take for a name."""
        fresh = serializers.ListField(
            child=serializers.CharField(), required=False, help_text="These nodes and all behind them run anew."
        )
        return {"from": fresh, **super().get_fields()}


class ApprovalSerializer(Shape):
    """A question to a person."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(APPROVAL_KINDS)
    state = serializers.ChoiceField(APPROVAL_STATES)
    execution = serializers.UUIDField()
    graph = GraphNameSerializer()
    node = serializers.CharField()
    node_title = serializers.CharField()
    path = serializers.ListField(child=serializers.IntegerField())
    instructions = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    decision = serializers.CharField(allow_blank=True)
    comment = serializers.CharField(allow_blank=True)
    decided_by = PersonSerializer(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)


class ApprovalDetailSerializer(ApprovalSerializer):
    """A question with what it is about."""

    payload = AnyJsonField(allow_null=True)
    answer = AnyJsonField(allow_null=True)


class DecisionRequest(StrictShape):
    """What was decided."""

    decision = serializers.ChoiceField(["approved", "rejected", "repeat", "happened", "fail"])
    payload = AnyJsonField(
        required=False, allow_null=True, help_text="Changed; for `happened` the outputs of the step by port."
    )
    comment = serializers.CharField(required=False, allow_blank=True, max_length=MAX_COMMENT)
