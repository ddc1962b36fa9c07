"""Addresses of targets and secrets of hooks, encrypted anew with the newest key."""

from typing import Any

from django.db import transaction

from agentflow.credentials.sealing import NotOpened, first_name, seal
from agentflow.notifications.models import Channel, Hook


def renew() -> tuple[int, list[str]]:
    """How many were encrypted anew, and the names of those that no key opens: their owners give them again."""
    renewed, lost = 0, []
    kept: tuple[Any, ...] = (Channel.objects.all(), Hook.objects.all())
    for every in kept:
        rows = every.exclude(sealed="").exclude(key=first_name())
        for id in rows.order_by().values_list("pk", flat=True):
            with transaction.atomic():
                row = rows.select_for_update(of=("self",)).filter(pk=id).first()
                if row is None:
                    continue
                try:
                    row.sealed, row.key = seal().close(row.pk, seal().open(row.pk, row.sealed)), first_name()
                except NotOpened:
                    lost.append(str(row))
                    continue
                row.save(update_fields=["sealed", "key"])
                renewed += 1
    return renewed, lost
