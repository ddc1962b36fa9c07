"""Tokens in requests and answers."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from agentflow.accounts.models import ApiToken, Scope


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token as its owner sees it, without its text."""

    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "scope", "created_at", "last_used_at", "expires_at"]
        read_only_fields = ["id", "prefix", "created_at", "last_used_at"]


class NewTokenSerializer(serializers.Serializer[Any]):
    """A token to make."""

    name = serializers.CharField(max_length=100)
    scope = serializers.ChoiceField(Scope.choices, default=Scope.RUN.value)
    expires_at = serializers.DateTimeField(allow_null=True, default=None)

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """A moment in the future, or never."""
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("This moment is over.")
        return value


class CreatedTokenSerializer(TokenSerializer):
    """A new token; `token` is shown this once."""

    token = serializers.CharField()

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
