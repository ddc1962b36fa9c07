"""Credentials: what they are called and where they may go is readable, their secrets are sealed."""

from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from agentflow.credentials.kinds import KINDS
from agentflow.decoding import StoredJsonDecoder
from agentflow.graphs.models import Role


class Credential(models.Model):
    """Something that proves to another system who we are."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=[(kind.id, kind.title) for kind in KINDS.values()])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="credentials")
    #: The group that owns it with them: its members may do what their role in the group says.
    group = models.ForeignKey(Group, models.SET_NULL, null=True, blank=True, related_name="credentials")
    #: Where it may be sent: `api.example.com`, `*.example.com`, each with an optional `:port`.
    hosts = models.JSONField(decoder=StoredJsonDecoder, default=list, blank=True)
    #: Its fields that are no secret.
    settings = models.JSONField(decoder=StoredJsonDecoder, default=dict, blank=True)
    #: Names of the secrets that are set.
    secret_names = models.JSONField(decoder=StoredJsonDecoder, default=list, editable=False)
    #: Its secrets, encrypted; empty: they were given up because their key is lost.
    sealed = models.TextField(blank=True, editable=False)
    #: Name of the key that encrypted them.
    key = models.CharField(max_length=16, blank=True, editable=False)
    #: Until when the access token of OAuth is good; null: it does not say, or it is no OAuth.
    expires_at = models.DateTimeField(null=True, editable=False)
    #: Why it cannot be used until a person does something; empty: it can.
    problem = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    #: To the minute.
    last_used_at = models.DateTimeField(null=True, editable=False)
    #: The execution that used it then.
    last_used_in = models.UUIDField(null=True, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="credential_name_once_per_owner")]

    def __str__(self) -> str:
        return self.name


class CredentialShare(models.Model):
    """A credential shared with a group: viewers see that it is there, runners use it, editors change it."""

    credential = models.ForeignKey(Credential, models.CASCADE, related_name="shares")
    group = models.ForeignKey(Group, models.CASCADE, related_name="credential_shares")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.RUNNER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["credential", "group"], name="credential_share_once_per_group"),
        ]

    def __str__(self) -> str:
        return f"{self.group} is {self.role}"


class KeyCheck(models.Model):
    """The name of the key that this database's credentials are encrypted with; one row, once a process has started."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    key = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_key_check")]

    def __str__(self) -> str:
        return self.key
