"""The form of a credential, by its kind; secrets are never filled in."""

from typing import Any

from django import forms

from agentflow.credentials.kinds import Field, Kind
from agentflow.credentials.models import Credential

KEPT = "•••••• (kept)"


class CredentialForm(forms.Form):
    """Name, the kind's fields, headers one a line, and hosts one a line."""

    name = forms.CharField(max_length=200, help_text="By which people choose it.")

    def __init__(self, kind: Kind, data: Any = None, *, credential: Credential | None = None) -> None:
        super().__init__(data, initial=_initial(credential) if credential else None)
        self.kind = kind
        self.credential = credential
        known = set(credential.secret_names) if credential else set()
        for field in kind.fields:
            self.fields[f"f-{field.name}"] = _form_field(field, is_known=field.name in known)
        if kind.is_open:
            self.fields["headers"] = forms.CharField(
                label="Headers, one a line as Name: value",
                required=not known,
                widget=forms.Textarea({"rows": 3, "autocomplete": "off", "placeholder": ", ".join(sorted(known))}),
            )
        if kind.has_hosts:
            self.fields["hosts"] = forms.CharField(
                label="May be sent to, one host a line",
                required=False,
                widget=forms.Textarea({"rows": 2, "placeholder": "api.example.com"}),
            )

    def wanted(self) -> dict[str, Any]:
        """What the services take: an empty secret is kept."""
        fields = {
            field.name: value
            for field in self.kind.fields
            if (value := self.cleaned_data[f"f-{field.name}"]) or not field.is_secret
        }
        if self.kind.is_open:
            for line in self.cleaned_data["headers"].splitlines():
                if line.strip():
                    name, _, value = line.partition(":")
                    fields[name.strip()] = value.strip() or None
        hosts = self.cleaned_data.get("hosts", "").split()
        return {"name": self.cleaned_data["name"], "fields": fields, "hosts": hosts}

    def refuse(self, problems: list[dict[str, str]]) -> None:
        """Show each problem at its field."""
        for problem in problems:
            _, member, *rest = problem["pointer"].split("/")
            name = {"fields": f"f-{rest[0]}" if rest else "headers"}.get(member, member)
            if name not in self.fields:
                name = "headers" if "headers" in self.fields else "name"
            self.add_error(name, problem["detail"])


def _form_field(field: Field, *, is_known: bool) -> forms.Field:
    if field.choices:
        return forms.ChoiceField(
            label=field.title, choices=[(each, each) for each in field.choices], help_text=field.description
        )
    attributes = {"autocomplete": "off"}
    if is_known:
        attributes["placeholder"] = KEPT
    widget = forms.PasswordInput({**attributes, "autocomplete": "new-password"}) if field.is_secret else None
    return forms.CharField(
        label=field.title,
        required=field.is_required and not is_known,
        initial=field.default,
        help_text=field.description,
        widget=widget or forms.TextInput(attributes),
    )


def _initial(credential: Credential) -> dict[str, Any]:
    plain = {f"f-{name}": value for name, value in credential.settings.items()}
    return {"name": credential.name, "hosts": "\n".join(credential.hosts), **plain}
