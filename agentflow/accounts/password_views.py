"""Changing a password, and a new one by e-mail for who has forgotten it."""

from threading import Thread
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy

from agentflow.accounts import audit
from agentflow.accounts.mail import send
from agentflow.accounts.sign_ins import note_sign_in, sign_out_elsewhere
from agentflow.api.throttling import Buckets


class ChangeView(auth_views.PasswordChangeView):
    """A new password for who knows the old one; every other session ends."""

    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        """Store it; the session has a new key now."""
        response = super().form_valid(form)
        user = cast(User, self.request.user)
        sign_out_elsewhere(user, but=self.request.session.session_key)
        note_sign_in(self.request, user)
        audit.record(user, "changed password", user, request=self.request)
        messages.success(self.request, "Your password was changed. You are signed out everywhere else.")
        return response


class SilentResetForm(PasswordResetForm):
    """Sends in a thread, so that an answer takes as long for an address that nobody has."""

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """Write the message here, send it elsewhere."""
        Thread(target=send, args=(self.message(*args, **kwargs),), name="mail", daemon=True).start()

    def message(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> EmailMultiAlternatives:
        """The letter."""
        from django.template.loader import render_to_string

        subject = "".join(render_to_string(subject_template_name, context).splitlines())
        return EmailMultiAlternatives(subject, render_to_string(email_template_name, context), from_email, [to_email])


class ForgottenView(auth_views.PasswordResetView):
    """Sends a link if somebody has this address; says the same if nobody has."""

    template_name = "accounts/password_forgotten.html"
    email_template_name = "accounts/password_email.txt"
    subject_template_name = "accounts/password_subject.txt"
    form_class = SilentResetForm
    success_url = reverse_lazy("password_reset_done")
    extra_context = {"has_mail": bool(settings.EMAIL_HOST)}
    #: Letters that one caller may have sent.
    asked = Buckets(rate=1 / 60, burst=5)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Send, unless the caller has asked too often."""
        wait = self.asked.take(str(request.META["REMOTE_ADDR"]))
        if wait:
            answer = self.render_to_response(self.get_context_data(slow_down=True), status=429)
            answer["Retry-After"] = str(int(wait) + 1)
            return answer
        return super().post(request, *args, **kwargs)


class ResetView(auth_views.PasswordResetConfirmView):
    """A new password by the link; every session ends."""

    template_name = "accounts/password_reset.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        """Store it."""
        response = super().form_valid(form)
        sign_out_elsewhere(form.user, but=None)
        audit.record(form.user, "reset password", form.user, request=self.request)
        messages.success(self.request, "Your password was changed. Log in with it.")
        return response
