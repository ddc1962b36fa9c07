"""Signing in by OpenID Connect, if the environment names a provider; without one, nothing of it is loaded."""

from django.conf import settings
from django.contrib.auth.models import User


def button() -> str:
    """Name of the provider for the login page; empty without one."""
    return str(settings.OIDC_NAME) if settings.OIDC_ISSUER else ""


def is_connected(user: User) -> bool:
    """Whether the user can sign in by the provider."""
    if not settings.OIDC_ISSUER:
        return False
    from allauth.socialaccount.models import SocialAccount

    return bool(SocialAccount.objects.filter(user=user).exists())
