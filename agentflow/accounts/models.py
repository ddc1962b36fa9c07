"""API tokens: shown once, stored hashed, scoped, expiring, revocable."""

from django.conf import settings
from django.db import models


class Scope(models.TextChoices):
    """What a token may do; each includes the ones before."""

    READ = "read"
    RUN = "run"
    WRITE = "write"


class ApiToken(models.Model):
    """Stands for its user in the API, within its scope."""

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
