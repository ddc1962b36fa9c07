"""Shapes of requests and answers about triggers."""

from rest_framework import serializers

from agentflow.graphs.api.serializers import ObjectField, PersonSerializer, Shape, StrictShape
from agentflow.triggers.models import After, Delivery, Method, Missed
from agentflow.triggers.signatures import ALGORITHMS, ENCODINGS


class TriggerRequest(StrictShape):
    """What triggers of every kind have."""

    graph = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="Cannot be changed later.")
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    inputs = ObjectField(required=False, help_text="What the graph is always given.")
    paused = serializers.BooleanField(required=False, help_text="Make it without letting it start anything.")


class ScheduleRequest(TriggerRequest):
    """A schedule."""

    cron = serializers.CharField(max_length=100, help_text="Five fields, for example `30 8 * * 1-5`, or `@daily`.")
    time_zone = serializers.CharField(max_length=64, required=False, help_text="Europe/Berlin, say; UTC by default.")
    missed = serializers.ChoiceField(Missed.choices, required=False)
    time_input = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="The input that gets the due time."
    )


class SignatureShape(StrictShape):
    """How deliveries are signed."""

    header = serializers.CharField(max_length=100)
    algorithm = serializers.ChoiceField(ALGORITHMS, required=False)
    encoding = serializers.ChoiceField(ENCODINGS, required=False)
    prefix = serializers.CharField(max_length=100, required=False, allow_blank=True)
    signed = serializers.CharField(
        max_length=100, required=False, help_text="Text with {body}, and {timestamp} and {id} if they are signed."
    )
    timestamp_header = serializers.CharField(max_length=100, required=False, allow_blank=True)
    tolerance_seconds = serializers.IntegerField(min_value=1, max_value=86_400, required=False)


class WebhookRequest(TriggerRequest):
    """A webhook."""

    method = serializers.ChoiceField(Method.choices, required=False)
    mapping = ObjectField(
        required=False, help_text='Which part each input gets: `{"who": "body.user.name"}`, `query.…`, `headers.…`.'
    )
    signature = SignatureShape(required=False, allow_null=True)
    credential = serializers.UUIDField(required=False, allow_null=True, help_text="The credential with the secret.")
    delivery_header = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="The header that names a delivery."
    )
    answer_output = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="Wait, and answer with this output."
    )
    answer_seconds = serializers.IntegerField(min_value=1, max_value=60, required=False)
    most_bytes = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class FormRequest(TriggerRequest):
    """A hosted form."""

    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    is_public = serializers.BooleanField(required=False)
    shows_outputs = serializers.BooleanField(required=False)
    most_per_minute = serializers.IntegerField(min_value=1, max_value=10_000, required=False)


class ChainRequest(TriggerRequest):
    """A graph that follows another one."""

    source = serializers.IntegerField(  # type: ignore[assignment]  # the member's name, not the field's option
        min_value=1, max_value=2**63 - 1, help_text="The graph whose runs it follows."
    )
    after = serializers.ChoiceField(After.choices, required=False)
    mapping = ObjectField(
        required=False, help_text='Which part each input gets: `{"report": "outputs.report"}`, `error.detail`, …'
    )


class TriggeredGraphSerializer(Shape):
    """A graph by its name; without an id it was deleted."""

    id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()


class TriggerSerializer(Shape):
    """What triggers of every kind answer."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    name = serializers.CharField()
    graph = TriggeredGraphSerializer()
    owner = PersonSerializer(allow_null=True, help_text="In whose name it runs.")
    inputs = ObjectField()
    paused_at = serializers.DateTimeField(allow_null=True)
    pause_reason = serializers.CharField(help_text="Why it paused by itself; empty if a person paused it.")
    created_at = serializers.DateTimeField()
    last_started_at = serializers.DateTimeField(allow_null=True)
    last_execution = serializers.UUIDField(allow_null=True)


class ScheduleSerializer(TriggerSerializer):
    """A schedule."""

    cron = serializers.CharField()
    time_zone = serializers.CharField()
    missed = serializers.ChoiceField(Missed.choices)
    time_input = serializers.CharField()
    due_at = serializers.DateTimeField(allow_null=True)
    upcoming = serializers.ListField(
        child=serializers.DateTimeField(), help_text="The next five due times, in its time zone."
    )


class WebhookSerializer(TriggerSerializer):
    """A webhook; editors see its address."""

    url = serializers.CharField(allow_null=True, help_text="Null for those who may not change it.")
    method = serializers.ChoiceField(Method.choices)
    mapping = ObjectField()
    signature = SignatureShape(allow_null=True)
    credential = serializers.UUIDField(allow_null=True)
    delivery_header = serializers.CharField()
    answer_output = serializers.CharField()
    answer_seconds = serializers.IntegerField()
    most_bytes = serializers.IntegerField()


class FormSerializer(TriggerSerializer):
    """A hosted form; editors see its address."""

    url = serializers.CharField(allow_null=True, help_text="Null for those who may not change it.")
    title = serializers.CharField()
    description = serializers.CharField()
    is_public = serializers.BooleanField()
    shows_outputs = serializers.BooleanField()
    most_per_minute = serializers.IntegerField()


class ChainSerializer(TriggerSerializer):
    """A graph that follows another one."""

    source = TriggeredGraphSerializer()  # type: ignore[assignment]  # the member's name, not the field's option
    after = serializers.ChoiceField(After.choices)
    mapping = ObjectField()


class TestRequest(StrictShape):
    """What stands for the event."""

    inputs = ObjectField(required=False)


class StartedByTrigger(Shape):
    """The run that was started."""

    execution = serializers.UUIDField()
    url = serializers.CharField()


class DeliverySerializer(Shape):
    """What came to a webhook, and what became of it."""

    id = serializers.IntegerField()
    received_at = serializers.DateTimeField()
    status = serializers.ChoiceField(Delivery.Status.choices)
    code = serializers.IntegerField()
    detail = serializers.CharField()
    execution = serializers.UUIDField(allow_null=True)
    method = serializers.CharField()
    headers = ObjectField()
    query = ObjectField()
    media_type = serializers.CharField()
    size = serializers.IntegerField()
    body = serializers.CharField(allow_null=True, help_text="As text; null if it was too large to be kept.")
    replay_of = serializers.IntegerField(allow_null=True)
