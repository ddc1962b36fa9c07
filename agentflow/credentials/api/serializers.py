"""Credentials in requests and answers: secrets go in and never come out."""

from typing import Any

from rest_framework import serializers

from agentflow.accounts.access import role_name
from agentflow.credentials.kinds import KIND_IDS
from agentflow.credentials.models import Credential
from agentflow.graphs.live import person
from agentflow.graphs.models import Role

ROLES = [*Role.values, "owner"]


class OwnerSerializer(serializers.Serializer[Any]):
    """A person."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class CredentialSerializer(serializers.Serializer[Any]):
    """A credential without its secrets."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(KIND_IDS)
    owner = OwnerSerializer()
    role = serializers.ChoiceField(ROLES, help_text="What the caller may do; runners use it.")
    hosts = serializers.ListField(child=serializers.CharField(), help_text="Where it may be sent.")
    settings = serializers.DictField(child=serializers.CharField(), help_text="Its fields that are no secret.")
    secret_names = serializers.ListField(child=serializers.CharField(), help_text="Names of the secrets that are set.")
    problem = serializers.CharField(help_text="Why it cannot be used; empty: it can.")
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_in = serializers.UUIDField(allow_null=True, help_text="The execution that used it then.")


class NewCredentialSerializer(serializers.Serializer[Any]):
    """A credential to make."""

    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(KIND_IDS)
    fields = serializers.DictField(  # type: ignore[assignment]  # the member's name, not the property
        help_text="By name, as the kind has them; secrets are never shown again.", write_only=True
    )
    hosts = serializers.ListField(child=serializers.CharField(max_length=300), required=False, max_length=50)


class ChangedCredentialSerializer(serializers.Serializer[Any]):
    """What to change; everything else, secrets too, stays."""

    name = serializers.CharField(max_length=200, required=False)
    fields = serializers.DictField(required=False, write_only=True)  # type: ignore[assignment]  # as above
    hosts = serializers.ListField(child=serializers.CharField(max_length=300), required=False, max_length=50)


class TriedSerializer(serializers.Serializer[Any]):
    """What a test found."""

    works = serializers.BooleanField()
    detail = serializers.CharField()


def credential_row(credential: Credential) -> dict[str, Any]:
    """One credential read by `credentials_for`."""
    names = ("hosts", "settings", "secret_names", "problem", "expires_at", "created_at", "updated_at", "last_used_at")
    return {
        "id": str(credential.pk),
        "name": credential.name,
        "kind": credential.kind,
        "owner": person(credential.owner),
        "role": role_name(credential),
        **{name: getattr(credential, name) for name in names},
        "last_used_in": credential.last_used_in,
    }
