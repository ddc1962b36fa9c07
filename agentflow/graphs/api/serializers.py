"""Shapes of requests, and of answers for the OpenAPI description; answers are written from plain data."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from agentflow.graphs.models import Role
from agentflow.graphs.operations import MAX_OPERATIONS
from agentflow.graphs.spec import MAX_DESCRIPTION, MAX_KEY, MAX_NAME, MAX_PORT, Join, Limits, OnError, Policy
from blocks.base import Effect, PortKind, RunsIn

ROLES = [*Role.values, "owner"]


class Shape(serializers.Serializer[Any]):
    """A JSON object."""


class StrictShape(Shape):
    """A JSON object that a client sends; a member that is not known is a mistake, not nothing."""

    def to_internal_value(self, data: Any) -> Any:
        """The members; raises ValidationError for unknown ones as for wrong ones."""
        if isinstance(data, Mapping) and (unknown := data.keys() - self.fields.keys()):
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {name: f"Is not known here; known are: {known}." for name in sorted(unknown)}
            )
        return super().to_internal_value(data)


class AnyJsonField(serializers.JSONField):
    """Any JSON value."""


class ObjectField(serializers.DictField):
    """A JSON object with free members."""


class PinnedField(ObjectField):
    """What a node gives instead of running: values by port, items of a stream as a list."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, help_text=" ".join((self.__doc__ or "").split()), **options)


class PersonSerializer(Shape):
    """A user as others see them."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class PortSerializer(Shape):
    """One input or output of a block."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField([kind.value for kind in PortKind])
    schema = ObjectField(help_text="JSON Schema of one value.")
    required = serializers.BooleanField()  # type: ignore[assignment]  # the member's name, not the field's option
    default = AnyJsonField(allow_null=True)


class NodePortsSerializer(Shape):
    """Ports of a node under its config."""

    inputs = PortSerializer(many=True)
    outputs = PortSerializer(many=True)


class ResolvedPortsSerializer(NodePortsSerializer):
    """Ports of a block under a config."""

    problem = serializers.CharField(allow_blank=True, help_text="Why the config gives no ports; empty if it does.")


class ExampleSerializer(Shape):
    """What a block makes of some inputs."""

    title = serializers.CharField(allow_blank=True)
    input = ObjectField()
    output = ObjectField()


class BlockSerializer(NodePortsSerializer):
    """A kind of step."""

    id = serializers.CharField()
    version = serializers.IntegerField()
    title = serializers.CharField()
    category = serializers.CharField()
    icon = serializers.CharField()
    description = serializers.CharField()
    effect = serializers.ChoiceField([effect.value for effect in Effect])
    runs_in = serializers.ChoiceField([place.value for place in RunsIn])
    config_schema = ObjectField(help_text="JSON Schema of a node's config.")
    dynamic_inputs = serializers.BooleanField()
    dynamic_outputs = serializers.BooleanField()
    open_inputs = serializers.BooleanField(help_text="Any name may be linked as an input.")
    open_outputs = serializers.BooleanField(help_text="Any name may be linked as an output.")
    examples = ExampleSerializer(many=True)
    disabled_reason = serializers.CharField(allow_blank=True)


class DisabledSerializer(Shape):
    """Blocks that could not be loaded."""

    source = serializers.CharField()  # type: ignore[assignment]  # the member's name
    reason = serializers.CharField()


class CatalogueSerializer(Shape):
    """All blocks in palette order."""

    results = BlockSerializer(many=True)
    categories = serializers.ListField(child=serializers.CharField())
    disabled = DisabledSerializer(many=True)


class PolicySerializer(Shape):
    """How a node is run; members left out have their defaults."""

    retries = serializers.IntegerField(required=False, min_value=0, default=Policy().retries)
    timeout_seconds = serializers.FloatField(required=False, min_value=0, default=Policy().timeout_seconds)
    on_error = serializers.ChoiceField([word.value for word in OnError], required=False)
    concurrency = serializers.IntegerField(required=False, min_value=0, default=Policy().concurrency)


class NodeSerializer(Shape):
    """One use of a block."""

    key = serializers.CharField(max_length=MAX_KEY)
    block = serializers.CharField(max_length=MAX_KEY)
    block_version = serializers.IntegerField(required=False, min_value=1)
    config = ObjectField(required=False)
    title = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NAME)
    policy = PolicySerializer(required=False)
    join = serializers.ChoiceField([join.value for join in Join], required=False)
    pinned = PinnedField(required=False)


class LinkSerializer(Shape):
    """Source node and port to sink node and port; ports may reach into values: `body.title`."""

    source = serializers.CharField(max_length=MAX_KEY)  # type: ignore[assignment]  # the member's name
    source_port = serializers.CharField(max_length=MAX_PORT)
    sink = serializers.CharField(max_length=MAX_KEY)
    sink_port = serializers.CharField(max_length=MAX_PORT)


class LimitsSerializer(Shape):
    """When an execution is stopped; members left out have their defaults."""

    laps = serializers.IntegerField(required=False, min_value=1, default=Limits().laps)
    node_executions = serializers.IntegerField(required=False, min_value=1, default=Limits().node_executions)
    seconds = serializers.FloatField(required=False, min_value=0, default=Limits().seconds)
    depth = serializers.IntegerField(required=False, min_value=1, default=Limits().depth)
    items = serializers.IntegerField(required=False, min_value=1, default=Limits().items)
    value_bytes = serializers.IntegerField(required=False, min_value=0, default=Limits().value_bytes)


class PlaceField(serializers.ListField):
    """Where a node stands: x and y."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=serializers.FloatField(), min_length=2, max_length=2, **options)


class GraphSpecSerializer(Shape):
    """A whole graph as canonical JSON."""

    name = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NAME)
    description = serializers.CharField(required=False, allow_blank=True, max_length=MAX_DESCRIPTION)
    nodes = NodeSerializer(many=True, required=False)
    links = LinkSerializer(many=True, required=False)
    layout = serializers.DictField(child=PlaceField(), required=False)
    annotations = serializers.ListField(child=ObjectField(), required=False)
    limits = LimitsSerializer(required=False)


class GraphProblemSerializer(Shape):
    """One thing to put right in a graph."""

    code = serializers.CharField()
    pointer = serializers.CharField(help_text="JSON pointer into the canonical JSON.")
    detail = serializers.CharField()
    node = serializers.CharField(allow_blank=True)
    link = serializers.IntegerField(allow_null=True)
    severity = serializers.ChoiceField(["error", "warning"])


class ProblemsSerializer(Shape):
    """What is wrong with a graph."""

    problems = GraphProblemSerializer(many=True)


class CheckedSerializer(ProblemsSerializer):
    """What the blocks say of a graph."""

    ports = serializers.DictField(child=NodePortsSerializer())


class LastExecutionSerializer(Shape):
    """The newest execution of a graph."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    status = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    counts = serializers.DictField(child=serializers.IntegerField())
    trigger = serializers.CharField()
    owner = PersonSerializer()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class GraphRowSerializer(Shape):
    """A graph in a list."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    owner = PersonSerializer()
    role = serializers.ChoiceField(ROLES)
    published_version = serializers.IntegerField(allow_null=True)
    last_execution = LastExecutionSerializer(allow_null=True)


class GraphDetailSerializer(GraphRowSerializer, CheckedSerializer):
    """A graph with its draft."""

    latest_version = serializers.IntegerField(allow_null=True)
    spec = GraphSpecSerializer()


class VersionRowSerializer(Shape):
    """A version in a list."""

    number = serializers.IntegerField()
    content_hash = serializers.CharField()
    author = PersonSerializer(allow_null=True)
    created_at = serializers.DateTimeField()


class VersionDetailSerializer(VersionRowSerializer, CheckedSerializer):
    """A version with its graph."""

    spec = GraphSpecSerializer()


class GraphInputSerializer(Shape):
    """One input of a graph."""

    name = serializers.CharField()
    schema = ObjectField(help_text="JSON Schema of the value.")
    required = serializers.BooleanField()  # type: ignore[assignment]  # the member's name, not the field's option
    default = AnyJsonField(allow_null=True)
    description = serializers.CharField(allow_blank=True)


class GraphOutputSerializer(Shape):
    """One output of a graph."""

    name = serializers.CharField()
    schema = ObjectField(help_text="JSON Schema of the value, as far as it is known.")


class InterfaceSerializer(Shape):
    """What a graph takes and gives when it is run."""

    version = serializers.IntegerField(allow_null=True, help_text="The version it is of; null: the draft.")
    inputs = GraphInputSerializer(many=True)
    outputs = GraphOutputSerializer(many=True)


class PublishedSerializer(Shape):
    """Which version triggers and the API run."""

    published_version = serializers.IntegerField()


class NewGraph(Shape):
    """A graph to make: empty, or as its spec says."""

    name = serializers.CharField(required=False, max_length=MAX_NAME)
    description = serializers.CharField(required=False, allow_blank=True, max_length=MAX_DESCRIPTION)
    spec = GraphSpecSerializer(required=False)


class ReplacedGraph(Shape):
    """A graph's whole new draft."""

    spec = GraphSpecSerializer()


class CheckedSpec(Shape):
    """A graph to check; left out, it is the draft."""

    spec = GraphSpecSerializer(required=False)


class PublishRequest(Shape):
    """The version to publish; left out, it is the draft's."""

    version = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**31 - 1)


class PortsRequest(Shape):
    """A node's config."""

    config = ObjectField(required=False)


def _operation(op: str, members: dict[str, serializers.Field[Any, Any, Any, Any]]) -> serializers.Serializer[Any]:
    name = "".join(word.capitalize() for word in op.split("_")) + "Operation"
    shape = type(name, (Shape,), {"op": serializers.ChoiceField([op]), **members})
    made: serializers.Serializer[Any] = shape()
    return made


def _key() -> serializers.CharField:
    return serializers.CharField(max_length=MAX_KEY)


def _port() -> serializers.CharField:
    return serializers.CharField(max_length=MAX_PORT)


OPERATION = PolymorphicProxySerializer(
    component_name="Operation",
    resource_type_field_name="op",
    serializers={
        "add_node": _operation("add_node", {"node": NodeSerializer(), "at": PlaceField(required=False)}),
        "remove_node": _operation("remove_node", {"key": _key()}),
        "set_config": _operation(
            "set_config", {"key": _key(), "name": _port(), "value": AnyJsonField(allow_null=True)}
        ),
        "unset_config": _operation("unset_config", {"key": _key(), "name": _port()}),
        "set_title": _operation(
            "set_title", {"key": _key(), "title": serializers.CharField(allow_blank=True, max_length=MAX_NAME)}
        ),
        "set_policy": _operation(
            "set_policy",
            {"key": _key(), "name": serializers.ChoiceField(list(Policy.__slots__)), "value": AnyJsonField()},
        ),
        "set_join": _operation("set_join", {"key": _key(), "join": serializers.ChoiceField([j.value for j in Join])}),
        "set_pinned": _operation("set_pinned", {"key": _key(), "pinned": PinnedField()}),
        "move": _operation("move", {"key": _key(), "at": PlaceField()}),
        "add_link": _operation("add_link", {"link": LinkSerializer()}),
        "remove_link": _operation("remove_link", {"link": LinkSerializer()}),
        "set_graph": _operation(
            "set_graph",
            {
                "name": serializers.ChoiceField(["name", "description", "limits", "annotations"]),
                "value": AnyJsonField(
                    help_text="Of `limits` those to change: null is the default again, what is left out stays."
                ),
            },
        ),
    },
)


@extend_schema_field(OPERATION)
class OperationField(AnyJsonField):
    """One operation on a draft."""


class EditId(Shape):
    """Chosen by the client: the same edit sent again changes nothing."""

    edit_id = serializers.UUIDField()


class NewEdit(EditId):
    """Operations that are applied together."""

    operations = serializers.ListField(child=OperationField(), min_length=1, max_length=MAX_OPERATIONS)


class EditAnswerSerializer(CheckedSerializer, EditId):
    """What an edit made of the draft; `ports` of the nodes that it names."""

    revision = serializers.IntegerField()
    operations = serializers.ListField(child=OperationField())


class EditSerializer(EditId):
    """An edit as everybody sees it."""

    revision = serializers.IntegerField()
    author = PersonSerializer(allow_null=True)
    operations = serializers.ListField(child=OperationField())
    created_at = serializers.DateTimeField()


class EditPageSerializer(Shape):
    """Edits in their order."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = EditSerializer(many=True)
