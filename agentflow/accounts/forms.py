"""Forms of the account and group pages."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User
from django.utils import timezone

from agentflow.accounts.models import ApiToken, GroupRole, Invitation, Profile, Scope
from agentflow.accounts.profiles import check_locale, check_preferences, check_time_zone, time_zones

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


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """What pages and blocks know of the user."""

    time_zone = forms.CharField(validators=[check_time_zone])
    locale = forms.CharField(validators=[check_locale])
    preferences = forms.JSONField(
        validators=[check_preferences], required=False, widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
    )

    class Meta:
        model = Profile
        fields = ["time_zone", "locale", "preferences"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(name, name) for name in time_zones()]
        stored = self.instance.time_zone
        if stored not in time_zones():
            names.append((stored, stored))
        self.fields["time_zone"].widget = forms.Select(choices=names)

    def clean_preferences(self) -> Any:
        """Nothing means none."""
        return self.cleaned_data["preferences"] or {}


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """Somebody to invite."""

    class Meta:
        model = Invitation
        fields = ["email", "role"]
        labels = {"email": "E-mail (empty: copy the link)"}


class RoleForm(forms.Form):
    """A member's role."""

    role = forms.ChoiceField(choices=GroupRole.choices)


class SignUpForm(BaseUserCreationForm):  # type: ignore[type-arg]  # as above
    """An account for somebody who was invited."""

    class Meta:
        model = User
        fields = ["username", "email"]
