"""People: their API tokens, and the log of what they did."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from agentflow.decoding import StoredJsonDecoder


class Scope(models.TextChoices):
    """What a token may do; each includes the ones before."""

    READ = "read"
    RUN = "run"
    WRITE = "write"


class ApiToken(models.Model):
    """Stands for its user in the API, within its scope: shown once, stored hashed, expiring, revocable."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    #: The first characters, shown so that people can tell tokens apart.
    prefix = models.CharField(max_length=16, editable=False)
    #: SHA-256 of the whole token, which has 256 bits of chance and so needs no slow hash.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.RUN)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class GroupRole(models.TextChoices):
    """What a member may do with what the group owns; each includes the ones before."""

    VIEWER = "viewer"
    RUNNER = "runner"
    EDITOR = "editor"
    OWNER = "owner"


class Membership(models.Model):
    """The role of a member of a group.

    Who is in a group is what Django says (`user.groups`). A member without a row here, put there by the administration,
    is an editor.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=GroupRole.choices, default=GroupRole.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "group"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.group}"


class Invitation(models.Model):
    """A link that lets one person join a group once, before it expires; stored hashed."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=GroupRole.choices, default=GroupRole.VIEWER)
    #: Where the link was sent; empty: it was copied.
    email = models.EmailField(blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Invitation to {self.group} as {self.role}"

    @staticmethod
    def open() -> Q:
        """Which ones can still be accepted."""
        return Q(used_at=None, revoked_at=None, expires_at__gt=timezone.now())


class Profile(models.Model):
    """How a person wants things; blocks know it as their user context. Who has none has the defaults."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="profile")
    #: A name of the IANA database.
    time_zone = models.CharField(max_length=64, default="UTC")
    #: Language and region, BCP 47: en, de-CH.
    locale = models.CharField(max_length=35, default="en")
    #: Anything that a person's graphs shall know, by name.
    preferences = models.JSONField(decoder=StoredJsonDecoder, default=dict, blank=True)

    def __str__(self) -> str:
        return f"Profile of {self.user}"


class SignIn(models.Model):
    """A session of a person, as the account page lists them; the key itself stays in Django's table."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_ins")
    #: SHA-256 of the session's key, which would let anybody in.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    #: To five minutes.
    seen_at = models.DateTimeField(db_default=Now())
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-seen_at"]

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"


class AuditEntry(models.Model):
    """One deed of one person: never changed, and forgotten only when it is older than `AUDIT_DAYS`.

    It names actor and target by value, so that it outlives both. The database refuses to change or delete rows
    (migration 0002); `agentflow.accounts.audit` writes them and forgets old ones.
    """

    at = models.DateTimeField(db_default=Now(), editable=False)
    #: Nobody for what the product did by itself, or somebody who is not logged in.
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150, blank=True)
    #: How the actor came: `session`, `token af_…`, or empty for commands and workers.
    via = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=45, blank=True)
    #: A word in the past tense: created, changed, deleted, shared, revealed, ran, approved …
    action = models.CharField(max_length=40)
    #: Label of the target's model, its key and its name.
    target_kind = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_name = models.CharField(max_length=200, blank=True)
    #: The graph that it is about, for the graph's page.
    graph_id = models.BigIntegerField(null=True)
    detail = models.JSONField(decoder=StoredJsonDecoder, default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["at"]),
            models.Index(fields=["graph_id", "-id"]),
            models.Index(fields=["actor_id", "-id"]),
            models.Index(fields=["target_kind", "target_id", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name or 'Somebody'} {self.action} {self.target_name}".strip()
