"""What people fill in to make or change a trigger on its page."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib.auth.models import User

from agentflow.accounts.profiles import time_zones
from agentflow.credentials.permissions import credentials_for
from agentflow.graphs.models import Role
from agentflow.graphs.permissions import graphs_for
from agentflow.graphs.spec import NodeSpec
from agentflow.triggers.models import Chain, Form, Schedule, Trigger, Webhook
from agentflow.triggers.services import MEMBERS
from agentflow.triggers.signatures import PRESETS

NONE, OWN = "", "own"
SIGNED = [(NONE, "Not signed"), *((name, f"As {name} does it") for name in PRESETS), (OWN, "As set by the API")]


class TriggerForm(forms.ModelForm):  # type: ignore[type-arg]  # takes none at run time
    """Members of one kind; what is wrong with them the service says."""

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user
        for field in self.fields.values():
            field.required = field.required and not isinstance(field, forms.BooleanField)

    def members(self) -> dict[str, Any]:
        """What services take."""
        return {name: self.cleaned_data[name] for name in MEMBERS[self.instance.kind] if name in self.cleaned_data}

    def take(self, problems: Sequence[Mapping[str, Any]], beside: Sequence[str] = ()) -> None:
        """Show what the service says, each problem beside its field; those of `beside` are shown elsewhere."""
        for problem in problems:
            member = problem["pointer"].removeprefix("#/").partition("/")[0]
            if member not in beside:
                self.add_error(member if member in self.fields else None, problem["detail"])


class ScheduleForm(TriggerForm):
    """A schedule."""

    time_zone = forms.ChoiceField(choices=[])

    class Meta:
        model = Schedule
        fields = ["name", "cron", "time_zone", "missed", "time_input"]
        labels = {
            "cron": "When (minute, hour, day of month, month, day of week)",
            "missed": "If it was missed",
            "time_input": "Input that gets the due time",
        }
        widgets = {"cron": forms.TextInput(attrs={"placeholder": "30 8 * * 1-5", "spellcheck": "false"})}

    def __init__(self, *args: Any, user: User, nodes: Sequence[NodeSpec] = (), **options: Any) -> None:
        super().__init__(*args, user=user, **options)
        names = [*time_zones()]
        if self.instance.time_zone not in names:
            names.append(self.instance.time_zone)
        self.fields["time_zone"].choices = [(name, name.replace("_", " ")) for name in names]  # type: ignore[attr-defined]  # a ChoiceField
        inputs = [str(node.config.get("name", "")) for node in nodes]
        self.fields["time_input"] = forms.ChoiceField(
            choices=[("", "none"), *((name, name) for name in inputs)],
            required=False,
            label="Input that gets the due time",
        )


class WebhookForm(TriggerForm):
    """A webhook."""

    signed = forms.ChoiceField(choices=SIGNED, required=False, label="Signature")

    class Meta:
        model = Webhook
        fields = ["name", "method", "credential", "delivery_header", "answer_output", "answer_seconds"]
        labels = {
            "credential": "Credential with the secret",
            "delivery_header": "Header that names a delivery (the same name starts nothing again)",
            "answer_output": "Answer with this output",
            "answer_seconds": "and wait for it, in seconds",
        }

    def __init__(self, *args: Any, user: User, outputs: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, user=user, **options)
        self.fields["credential"].queryset = credentials_for(user, Role.RUNNER)  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["credential"].required = False
        names = [*dict.fromkeys([*outputs, *filter(None, [self.instance.answer_output])])]
        self.fields["answer_output"] = forms.ChoiceField(
            choices=[("", "none: answer at once"), *((name, name) for name in names)],
            required=False,
            label="Answer with this output",
        )
        stored = self.instance.signature
        known = [name for name, scheme in PRESETS.items() if scheme.to_json() == stored]
        self.initial["signed"] = known[0] if known else OWN if stored else NONE

    def members(self) -> dict[str, Any]:
        """With the signature that the chosen sender makes."""
        chosen = self.cleaned_data["signed"]
        signature = self.instance.signature if chosen == OWN else PRESETS[chosen].to_json() if chosen else {}
        return {**super().members(), "signature": signature}


class HostedForm(TriggerForm):
    """A hosted form."""

    class Meta:
        model = Form
        fields = ["name", "title", "description", "is_public", "shows_outputs", "most_per_minute"]
        labels = {
            "is_public": "Anybody with the address may send it, without an account",
            "shows_outputs": "Show its sender what the graph gave",
            "most_per_minute": "Starts in a minute, at most",
        }
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}


class ChainForm(TriggerForm):
    """A graph that follows another one."""

    class Meta:
        model = Chain
        fields = ["name", "source", "after"]
        labels = {"source": "When a run of", "after": "has ended, and"}

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, user=user, **options)
        seen = graphs_for(user).exclude(pk=self.instance.graph_id or 0).order_by("name")
        self.fields["source"].queryset = seen  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["source"].required = True


FORMS: Mapping[type[Trigger], type[TriggerForm]] = {
    Schedule: ScheduleForm,
    Webhook: WebhookForm,
    Form: HostedForm,
    Chain: ChainForm,
}
