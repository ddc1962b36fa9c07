"""How django-allauth and agentflow fit together; loaded only with an OpenID Connect provider."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect

NO_ACCOUNT = "The provider knows you, but you have no account here. Ask for an invitation."
FAILED = "That did not work. Try again, or log in with a password."


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts belong together by the provider's id of a person, never by an e-mail address, which anybody may enter."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Whether somebody new gets an account."""
        if settings.OIDC_SIGN_UP:
            return True
        messages.error(request, NO_ACCOUNT)
        raise ImmediateHttpResponse(redirect("login"))

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Nobody is asked for more than the provider says."""
        return True

    def on_authentication_error(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Back to the login, which says so."""
        messages.error(request, FAILED)
        raise ImmediateHttpResponse(redirect("login"))

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        """Where the account page shows it."""
        return "/account/"
