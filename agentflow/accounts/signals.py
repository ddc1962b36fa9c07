"""What other apps may react to, and what follows from the administration's changes."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models.signals import m2m_changed
from django.dispatch import Signal, receiver

from agentflow.accounts.models import Membership

#: Sent inside the transaction in which somebody leaves a group (`group`, `user`, `heir`: an owner who stays, or None),
#: so that other apps give what the group owns with them to the heir.
group_left = Signal()


@receiver(m2m_changed, sender=User.groups.through)
def forget_roles(instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_: Any) -> None:  # noqa: FBT001 - Django's
    """Whoever is taken out of a group has no role left there if they come again."""
    if action not in ("post_remove", "post_clear"):
        return
    roles = Membership.objects.filter(group=instance) if reverse else Membership.objects.filter(user=instance)
    if pk_set is not None:
        roles = roles.filter(**{"user__in" if reverse else "group__in": pk_set})
    roles.delete()
