"""What the administration changes is in the audit log, too."""

from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models.signals import post_save
from django.dispatch import receiver

from agentflow.accounts import audit
from agentflow.accounts.models import AuditEntry

WORDS = {ADDITION: "created", CHANGE: "changed", DELETION: "deleted"}


@receiver(post_save, sender=LogEntry)
def _keep(instance: LogEntry, created: bool, **_: Any) -> None:  # noqa: FBT001 - Django's
    if not created:
        return
    model = instance.content_type.model_class() if instance.content_type else None
    label = model._meta.label if model else ""  # noqa: SLF001 - Django's public name for it
    key = str(instance.object_id or "")  # a number when the entry has just been made
    AuditEntry.objects.create(
        action=WORDS.get(instance.action_flag, "changed"),
        target_kind=label,
        target_id=key[:64],
        target_name=instance.object_repr,
        graph_id=int(key) if label == "graphs.Graph" and key else None,
        detail={"administration": instance.get_change_message()[:500]},
        **audit.actor_fields(instance.user),
        **audit.origin_fields(None),
    )
