"""The page behind an invitation's link: who has an account accepts it, who has none makes one."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from agentflow.accounts import oidc
from agentflow.accounts.forms import SignUpForm
from agentflow.accounts.invitations import Invalid, accept, find_invitation

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
def invitation(request: HttpRequest, text: str) -> HttpResponse:
    """Show it, or accept it."""
    try:
        found = find_invitation(text)
        form = SignUpForm(request.POST or None, initial={"email": found.email})
        if request.method == "POST":
            user = _member(request, form)
            if user is not None:
                return _join(request, text, user)
    except Invalid:
        return render(request, "accounts/invitation_invalid.html", status=404)
    context = {"invitation": found, "form": form, "oidc": oidc.button}
    return render(request, "accounts/invitation.html", context)


def _member(request: HttpRequest, form: SignUpForm) -> User | None:
    """Who accepts: the user, or somebody with a new account whose form is right."""
    if request.user.is_authenticated:
        return request.user
    return form.save(commit=False) if form.is_valid() else None


def _join(request: HttpRequest, text: str, user: User) -> HttpResponse:
    is_new = user.pk is None
    with transaction.atomic():
        if is_new:
            user.save()
        group = accept(text, user=user)
    if is_new:
        login(request, user, backend=BACKEND)
    messages.success(request, f"Welcome to {group.name}. What it shares with you is in the list.")
    return redirect("graphs")
