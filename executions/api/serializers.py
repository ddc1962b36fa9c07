"""Shapes of requests, and of answers for the OpenAPI description; answers are written from plain data."""

from rest_framework import serializers

from agentflow.graphs.api.serializers import AnyJsonField, ObjectField, PersonSerializer, Shape
from executions.engine.status import Reason, Status

NODE_STATUSES = [status.value for status in Status]
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
    handled = serializers.IntegerField(help_text="Of the failed ones, those whose error travelled on.")
    skipped = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    running = serializers.IntegerField()
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
    trigger = serializers.CharField()
    owner = PersonSerializer()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    seq = serializers.IntegerField(help_text="Number of the newest event.")
    cancel_requested = serializers.BooleanField()


class StartedSerializer(ExecutionSerializer):
    """An execution that was started, with its outputs as far as it is over."""

    outputs = ObjectField()
    url = serializers.URLField()
    events_url = serializers.URLField()


class EventSerializer(Shape):
    """Something that happened to a run as a whole."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    text = serializers.CharField()
    seq = serializers.IntegerField()


class ExecutionDetailSerializer(StartedSerializer):
    """An execution with what it was given."""

    inputs = ObjectField()
    events = EventSerializer(many=True)


class NodeRowSerializer(Shape):
    """One run of one node."""

    id = serializers.UUIDField()
    node = serializers.CharField()
    block = serializers.CharField()
    path = serializers.ListField(child=serializers.IntegerField())
    ordinal = serializers.IntegerField()
    attempt = serializers.IntegerField()
    status = serializers.ChoiceField(NODE_STATUSES)
    handled = serializers.BooleanField()
    reused = serializers.BooleanField()
    error = ObjectField(allow_null=True)
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


class StartRequest(Shape):
    """What to run."""

    inputs = ObjectField(required=False, help_text="By the names of the graph's inputs.")
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
