"""Forms of the pages: what a channel tells, a new target, when runs are late, a new hook."""

from typing import Any

from django import forms
from django.http import QueryDict

from agentflow.notifications.api.serializers import MOST_MINUTES, STATUSES
from agentflow.notifications.kinds import CHOICES, Pace, Way
from agentflow.notifications.models import Channel, GraphWatch, Hook
from agentflow.notifications.services import NotificationRefused, check_hook_url
from agentflow.notifications.targets import read_address

MANUAL = "Also failures of runs that people start by hand"


def _kinds() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=CHOICES, required=False, widget=forms.CheckboxSelectMultiple, label="Tell me when"
    )


class ChannelForm(forms.Form):
    """What one channel tells, and when."""

    kinds = _kinds()
    includes_manual = forms.BooleanField(required=False, label=MANUAL)
    pace = forms.ChoiceField(choices=Pace.choices, label="Send")

    def __init__(self, data: QueryDict | None = None, *, channel: Channel) -> None:
        initial = {name: getattr(channel, name) for name in ("kinds", "includes_manual", "pace")}
        super().__init__(data, initial=initial, auto_id=f"{channel.pk}-%s")
        if channel.way == Way.BELL:
            del self.fields["pace"]


class TargetForm(forms.Form):
    """A new Apprise target."""

    name = forms.CharField(max_length=100, label="Name")
    url = forms.CharField(
        max_length=2_000,
        label="Apprise address",
        widget=forms.PasswordInput(
            attrs={"autocomplete": "off", "placeholder": "slack://… or ntfys://ntfy.sh/topic"}, render_value=True
        ),
    )

    def clean_url(self) -> str:
        """An address that may be used."""
        try:
            return read_address(self.cleaned_data["url"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class WatchForm(forms.ModelForm):  # type: ignore[type-arg]  # takes none at run time
    """When a graph's runs are late."""

    class Meta:
        model = GraphWatch
        fields = ["longest_minutes", "silent_minutes"]
        labels = {
            "longest_minutes": "A run takes longer than … minutes",
            "silent_minutes": "No run has completed for … minutes",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs |= {"min": 1, "max": MOST_MINUTES, "placeholder": "never"}

    def clean(self) -> dict[str, Any]:
        """Minutes, or nothing."""
        for name, value in [*self.cleaned_data.items()]:
            if value is not None and not 1 <= value <= MOST_MINUTES:
                self.add_error(name, f"From 1 to {MOST_MINUTES:,} minutes, or nothing.")
        return self.cleaned_data


class HookForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """A new completion webhook."""

    statuses = forms.MultipleChoiceField(
        choices=STATUSES, initial=["completed", "failed"], widget=forms.CheckboxSelectMultiple, label="When a run is"
    )

    class Meta:
        model = Hook
        fields = ["url", "statuses", "includes_outputs"]
        labels = {"url": "Address", "includes_outputs": "Send the run's outputs, too"}
        widgets = {"url": forms.URLInput(attrs={"placeholder": "https://example.com/agentflow"})}

    def clean_url(self) -> str:
        """An address of HTTP."""
        try:
            return check_hook_url(self.cleaned_data["url"])
        except NotificationRefused as error:
            raise forms.ValidationError(str(error)) from None
