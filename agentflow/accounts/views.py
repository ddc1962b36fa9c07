"""The account page, and a login that slows down guessing."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm as LoginForm
from django.contrib.auth.models import User
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from agentflow.accounts import new_token
from agentflow.accounts.forms import ProfileForm, TokenForm
from agentflow.accounts.services import create_token, revoke_token, usable_tokens
from agentflow.api.throttling import Buckets


class LoginView(auth_views.LoginView):
    """Ten wrong passwords at once for one name from one address, then one every half minute."""

    failures = Buckets(rate=1 / 30, burst=10)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check the password, unless too many were wrong."""
        caller = f"{request.META['REMOTE_ADDR']} {request.POST.get('username', '')[:150].lower()}"
        if self.failures.level(caller) < 1:
            # An unbound form: one with the data would check the password and say whether it is right.
            return self.render_to_response(self.get_context_data(form=LoginForm(request), slow_down=True), status=429)
        response = super().post(request, *args, **kwargs)
        if not request.user.is_authenticated:
            self.failures.take(caller)
        return response


@login_required
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Name and tokens; a token that was just made is shown this once."""
    shown = new_token.read(request, usable_tokens(_user(request)))
    response = _page(request, **shown)
    if new_token.COOKIE in request.COOKIES:
        new_token.forget(response)
    return response


@login_required
@require_POST
def save_profile(request: HttpRequest) -> HttpResponse:
    """Change how others see the user."""
    form = ProfileForm(request.POST, instance=_user(request))
    if not form.is_valid():
        return _page(request, profile=form)
    form.save()
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
    revoke_token(token)
    messages.success(request, f"“{token.name}” was revoked. Whoever uses it is refused from now on.")
    return redirect("account")


def _page(
    request: HttpRequest, *, profile: BaseForm | None = None, tokens: BaseForm | None = None, **shown: Any
) -> HttpResponse:
    user = _user(request)
    context = {
        "profile_form": profile or ProfileForm(instance=user),
        "token_form": tokens or TokenForm(),
        "tokens": usable_tokens(user),
        "api": request.build_absolute_uri("/api/v1/"),
        **shown,
    }
    return render(request, "accounts/account.html", context)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
