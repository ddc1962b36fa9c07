"""Invitations to a group: a link, by e-mail or copied, that lets one person in once."""

import secrets
from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from agentflow.accounts import audit
from agentflow.accounts.authentication import digest
from agentflow.accounts.groups import put_in
from agentflow.accounts.mail import send
from agentflow.accounts.models import Invitation

DAYS = 7


class Invalid(Exception):
    """The invitation was used or revoked, is over, or never was one."""


def invite(group: Group, *, role: str, by: User, email: str = "") -> tuple[Invitation, str]:
    """The stored invitation and the text of its link, which nobody can read again."""
    text = secrets.token_urlsafe(32)
    with transaction.atomic():
        made = Invitation.objects.create(
            group=group,
            role=role,
            email=email,
            digest=digest(text),
            invited_by=by,
            expires_at=timezone.now() + timedelta(days=DAYS),
        )
        audit.record(by, "invited", group, detail={"role": role, "email": email})
    return made, text


def send_invitation(invitation: Invitation, link: str) -> bool:
    """Whether the mail server took it."""
    context = {"invitation": invitation, "link": link, "days": DAYS}
    subject = " ".join(f"Join {invitation.group.name} on agentflow".split())
    text = render_to_string("accounts/invitation_email.txt", context)
    return send(EmailMessage(subject, text, to=[invitation.email]))


def find_invitation(text: str) -> Invitation:
    """The open invitation of a link; raises Invalid."""
    found = Invitation.objects.filter(Invitation.open(), digest=digest(text))
    invitation = found.select_related("group", "invited_by").first()
    if invitation is None:
        raise Invalid
    return invitation


def accept(text: str, *, user: User) -> Group:
    """Let the user in; of two at the same time one. Raises Invalid."""
    with transaction.atomic():
        invitation = find_invitation(text)
        used = Invitation.objects.filter(Invitation.open(), pk=invitation.pk)
        if not used.update(used_at=timezone.now(), used_by=user):
            raise Invalid
        put_in(invitation.group, user=user, role=invitation.role)
        audit.record(user, "joined", invitation.group, detail={"role": invitation.role})
    return invitation.group


def revoke_invitation(invitation: Invitation, *, by: User) -> None:
    """Its link lets nobody in any more."""
    with transaction.atomic():
        if Invitation.objects.filter(Invitation.open(), pk=invitation.pk).update(revoked_at=timezone.now()):
            audit.record(by, "revoked", invitation.group, detail={"invitation": invitation.email or invitation.role})
