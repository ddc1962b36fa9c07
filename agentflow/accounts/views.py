"""Login and the account page: profile, tokens, sessions."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm as LoginForm
from django.contrib.auth.models import User
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from agentflow.accounts import audit, new_token, oidc
from agentflow.accounts.forms import ProfileForm, SettingsForm, TokenForm
from agentflow.accounts.profiles import profile_of
from agentflow.accounts.services import create_token, revoke_token, usable_tokens
from agentflow.accounts.sign_ins import digest_of, sign_ins_of, sign_out, sign_out_elsewhere
from agentflow.api.throttling import Buckets


class LoginView(auth_views.LoginView):
    """Django's; wrong passwords for one name from one address are counted by django-axes, here those of an address."""

    failures = Buckets(rate=1 / 2, burst=100)
    extra_context = {"oidc": oidc.button}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check the password, unless too many were wrong."""
        caller = str(request.META["REMOTE_ADDR"])
        if self.failures.level(caller) < 1:
            return slow_down(request)
        response = super().post(request, *args, **kwargs)
        if not request.user.is_authenticated:
            self.failures.take(caller)
        return response


def slow_down(request: HttpRequest, *_: Any) -> HttpResponse:
    """The login page when too many passwords were wrong: it does not say whether this one was right."""
    context = {"form": LoginForm(request), "slow_down": True, "oidc": oidc.button}
    return render(request, "registration/login.html", context, status=429)


@login_required
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Name, tokens, sessions; a token that was just made is shown this once."""
    shown = new_token.read(request, usable_tokens(_user(request)))
    response = _page(request, **shown)
    if new_token.COOKIE in request.COOKIES:
        new_token.forget(response)
    return response


@login_required
@require_POST
def save_profile(request: HttpRequest) -> HttpResponse:
    """Change how others see the user, and what pages and blocks know of them."""
    profile = profile_of(_user(request))
    person, settings = ProfileForm(request.POST, instance=_user(request)), SettingsForm(request.POST, instance=profile)
    if not (person.is_valid() and settings.is_valid()):
        return _page(request, profile=person, settings=settings)
    with transaction.atomic():
        person.save()
        settings.save()
        changed = [*person.changed_data, *settings.changed_data]
        audit.record(_user(request), "changed", profile, detail={"fields": changed}, request=request)
    messages.success(request, "Saved.")
    return redirect("account")


@login_required
@never_cache
@require_POST
def make_token(request: HttpRequest) -> HttpResponse:
    """Make a token; the page that follows shows its text, so that loading it again makes no other one."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, tokens=form)
    token, text = create_token(user=_user(request), **form.wanted())
    response = redirect("account")
    new_token.hand_over(response, token, text)
    return response


@login_required
@require_POST
def drop_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one of the user's tokens."""
    token = get_object_or_404(usable_tokens(_user(request)), pk=token_id)
    revoke_token(token, by=_user(request))
    messages.success(request, f"“{token.name}” was revoked. Whoever uses it is refused from now on.")
    return redirect("account")


@login_required
@require_POST
def end_session(request: HttpRequest, sign_in_id: int) -> HttpResponse:
    """End one of the user's other sessions."""
    others = sign_ins_of(_user(request)).exclude(digest=digest_of(request.session.session_key))
    found = get_object_or_404(others, pk=sign_in_id)
    sign_out(found)
    audit.record(_user(request), "signed out", found, request=request)
    messages.success(request, "That session was ended.")
    return redirect("account")


@login_required
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    ended = sign_out_elsewhere(_user(request), but=request.session.session_key)
    audit.record(_user(request), "signed out elsewhere", _user(request), detail={"sessions": ended}, request=request)
    messages.success(request, f"Signed out elsewhere: {ended} session{'s' * (ended != 1)} ended.")
    return redirect("account")


def _page(
    request: HttpRequest,
    *,
    profile: BaseForm | None = None,
    settings: BaseForm | None = None,
    tokens: BaseForm | None = None,
    **shown: Any,
) -> HttpResponse:
    user = _user(request)
    context = {
        "profile_form": profile or ProfileForm(instance=user),
        "settings_form": settings or SettingsForm(instance=profile_of(user)),
        "token_form": tokens or TokenForm(),
        "tokens": usable_tokens(user),
        "sessions": sign_ins_of(user),
        "this_session": digest_of(request.session.session_key),
        "oidc": oidc.button,
        "is_connected": oidc.is_connected(user),
        "api": request.build_absolute_uri("/api/v1/"),
        **shown,
    }
    return render(request, "accounts/account.html", context)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
