"""Notifications, channels, rules, watches and hooks in requests and answers."""

from typing import Any

from rest_framework import serializers

from agentflow.notifications.kinds import CHOICES, Kind, Pace, Way
from agentflow.notifications.models import Channel, Delivery, Hook, HookCall, Notification, Rule, Sending
from executions.api.serializers import GraphNameSerializer

KINDS = [(kind.value, kind.label) for kind in Kind]
STATUSES = [(word, word.capitalize()) for word in ("completed", "failed", "cancelled")]
#: Ten years.
MOST_MINUTES = 5_256_000
MOST_IDS = 1_000
SENDING_STATES = Sending.State.choices


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """What the caller was told."""

    graph = GraphNameSerializer(allow_null=True)
    kind = serializers.ChoiceField(KINDS)

    class Meta:
        model = Notification
        fields = ["id", "kind", "title", "text", "path", "graph", "times", "happened_at", "read_at"]


class UnreadSerializer(serializers.Serializer[Any]):
    """How many notifications were not read; more than 99 are 100."""

    unread = serializers.IntegerField()


class ReadRequest(serializers.Serializer[Any]):
    """Which notifications were read; without `ids` all."""

    ids = serializers.ListField(child=serializers.UUIDField(), max_length=MOST_IDS, required=False)


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    """One way in which the caller is told; an Apprise target's address is never shown again."""

    way = serializers.ChoiceField(Way.choices)
    pace = serializers.ChoiceField(Pace.choices)
    kinds = serializers.ListField(child=serializers.ChoiceField(CHOICES))
    is_on = serializers.SerializerMethodField()

    class Meta:
        model = Channel
        fields = [
            *("id", "way", "name", "shown", "pace", "kinds", "includes_manual", "is_on"),
            *("problem", "last_sent_at", "created_at"),
        ]

    def get_is_on(self, channel: Channel) -> bool:
        """Whether anything is told in this way."""
        return channel.stopped_at is None


def _kinds(**more: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.ChoiceField(CHOICES), max_length=len(CHOICES), **more)


class ChannelChange(serializers.Serializer[Any]):
    """What shall be different."""

    name = serializers.CharField(max_length=100, required=False)
    url = serializers.CharField(max_length=2_000, required=False, write_only=True)
    pace = serializers.ChoiceField(Pace.choices, required=False)
    kinds = _kinds(required=False)
    includes_manual = serializers.BooleanField(required=False)
    is_on = serializers.BooleanField(required=False)


class NewChannel(serializers.Serializer[Any]):
    """An Apprise target."""

    name = serializers.CharField(max_length=100)
    url = serializers.CharField(
        max_length=2_000, write_only=True, help_text="As `slack://…` or `ntfys://ntfy.sh/topic`."
    )
    pace = serializers.ChoiceField(Pace.choices, required=False)
    kinds = _kinds(required=False)
    includes_manual = serializers.BooleanField(required=False)


class NotificationDeliverySerializer(serializers.ModelSerializer[Delivery]):
    """What was sent, or will be."""

    title = serializers.CharField(source="notification.title")
    state = serializers.ChoiceField(SENDING_STATES)

    class Meta:
        model = Delivery
        fields = ["id", "notification", "title", "state", "attempts", "due_at", "error", "created_at", "sent_at"]


class RuleSerializer(serializers.ModelSerializer[Rule]):
    """What of one graph is told by one channel."""

    graph = GraphNameSerializer()
    kinds = serializers.ListField(child=serializers.ChoiceField(CHOICES))

    class Meta:
        model = Rule
        fields = ["id", "channel", "graph", "kinds", "includes_manual"]


class NewRule(serializers.Serializer[Any]):
    """A rule; it takes the place of the one that the channel has for the graph. No kinds: the graph is muted."""

    channel = serializers.UUIDField()
    graph = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    kinds = _kinds()
    includes_manual = serializers.BooleanField(default=False)


class WatchSerializer(serializers.Serializer[Any]):
    """When the graph's runs are late, in minutes; null: never."""

    longest_minutes = serializers.IntegerField(min_value=1, max_value=MOST_MINUTES, allow_null=True, default=None)
    silent_minutes = serializers.IntegerField(min_value=1, max_value=MOST_MINUTES, allow_null=True, default=None)


class HookSerializer(serializers.ModelSerializer[Hook]):
    """A completion webhook; its secret is never shown again."""

    statuses = serializers.ListField(child=serializers.ChoiceField(STATUSES))
    graph = GraphNameSerializer()

    class Meta:
        model = Hook
        fields = ["id", "graph", "url", "statuses", "includes_outputs", "is_on", "problem", "created_at"]


class CreatedHookSerializer(HookSerializer):
    """A hook whose secret is new; `secret` is shown this once."""

    secret = serializers.CharField()

    class Meta(HookSerializer.Meta):
        fields = [*HookSerializer.Meta.fields, "secret"]


def _statuses(**more: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.ChoiceField(STATUSES), min_length=1, max_length=3, **more)


class HookChange(serializers.Serializer[Any]):
    """What shall be different."""

    url = serializers.CharField(max_length=1_000, required=False)
    statuses = _statuses(required=False)
    includes_outputs = serializers.BooleanField(required=False)
    is_on = serializers.BooleanField(required=False)


class NewHook(serializers.Serializer[Any]):
    """A completion webhook."""

    graph = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    url = serializers.CharField(max_length=1_000)
    statuses = _statuses(required=False)
    includes_outputs = serializers.BooleanField(required=False)


class HookCallSerializer(serializers.ModelSerializer[HookCall]):
    """One call of a hook."""

    state = serializers.ChoiceField(SENDING_STATES)

    class Meta:
        model = HookCall
        fields = ["id", "execution", "state", "attempts", "due_at", "answer", "error", "created_at", "sent_at"]
