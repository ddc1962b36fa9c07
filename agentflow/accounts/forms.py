"""Forms of the account page and the login."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from agentflow.accounts.models import ApiToken, Scope

#: Days that a token may be good for; 0 is for ever.
LIFETIMES = [(30, "30 days"), (90, "90 days"), (365, "1 year"), (0, "No end")]


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]  # takes none at run time
    """A token to make."""

    days = forms.TypedChoiceField(choices=LIFETIMES, coerce=int, initial=90, label="Valid for")

    class Meta:
        model = ApiToken
        fields = ["name", "scope"]

    def wanted(self) -> dict[str, Any]:
        """What `create_token` takes."""
        days = self.cleaned_data["days"]
        expires_at = timezone.now() + timedelta(days=days) if days else None
        return {"name": self.cleaned_data["name"], "scope": Scope(self.cleaned_data["scope"]), "expires_at": expires_at}


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """How others see the user."""

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email"]
