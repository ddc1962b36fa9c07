"""Sharing a credential with groups for use, and who owns it."""

from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.dispatch import receiver

from agentflow.accounts import audit
from agentflow.accounts.signals import group_left
from agentflow.credentials.models import Credential, CredentialShare
from agentflow.graphs.models import Role


def share(credential: Credential, *, group: Group, role: str = Role.RUNNER, by: User) -> CredentialShare:
    """Let the group's members use it, or what else the role says; nobody can read its secrets."""
    with transaction.atomic():
        made, _ = CredentialShare.objects.update_or_create(credential=credential, group=group, defaults={"role": role})
        audit.record(by, "shared", credential, detail={"group": group.name, "role": role})
    return made


def unshare(credential: Credential, *, group: Group, by: User) -> None:
    """From now on the group may not use it."""
    with transaction.atomic():
        if CredentialShare.objects.filter(credential=credential, group=group).delete()[0]:
            audit.record(by, "unshared", credential, detail={"group": group.name})


def give_to_group(credential: Credential, *, group: Group | None, by: User) -> None:
    """The group owns it together with its owner; None: the owner alone does."""
    with transaction.atomic():
        Credential.objects.filter(pk=credential.pk).update(group=group)
        audit.record(by, "gave", credential, detail={"group": group.name if group else None})


@receiver(group_left)
def pass_on(group: Group, user: User, heir: User | None, **_: Any) -> None:
    """What somebody owns with a group stays with it when they leave."""
    if heir is not None:
        for credential in Credential.objects.filter(group=group, owner=user):
            credential.owner, credential.name = heir, _free_name(credential.name, heir)
            credential.save(update_fields=["owner", "name"])


def _free_name(name: str, owner: User) -> str:
    """The name, or with a number behind it if the new owner has one of this name."""
    taken = set(Credential.objects.filter(owner=owner, name__startswith=name[:190]).values_list("name", flat=True))
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[:190]} {number}"
    return free
