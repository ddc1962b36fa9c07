"""Sending what is due by a channel: claimed in one transaction, sent, noted in another.

Between sending and noting a process may die: then the same message is sent again, with the same Message-ID, by which
mail programs know it. Nothing is ever noted as sent that was not.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from agentflow.notifications.audience import may
from agentflow.notifications.claiming import claim, due, keys, put_off, settle
from agentflow.notifications.kinds import Pace, Way
from agentflow.notifications.models import Channel, Delivery, Notification
from agentflow.notifications.pacing import GAP

logger = logging.getLogger(__name__)

#: Notifications that go in one message.
MOST_TOGETHER = 50


class NotSent(Exception):
    """The message could not be sent; the text may be shown to the channel's owner."""

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.retry = retry


def send_due(id: UUID) -> None:
    """Send all that is due by the channel, in as few messages as it fits."""
    while batch := _claimed(id):
        _send(batch)


def _claimed(id: UUID) -> list[Delivery]:
    """The deliveries of the next message."""
    with transaction.atomic():
        channel = Channel.objects.select_for_update(of=("self",)).select_related("user").filter(pk=id).first()
        if channel is None:
            return []
        rows = due(Delivery.objects.filter(channel=channel))
        first = rows.filter(message__isnull=False).first()
        if first is not None:  # its message is sent as it was
            chosen = list(due(Delivery.objects.filter(channel=channel, message=first.message)))
        else:
            chosen = list(rows.filter(message=None)[:MOST_TOGETHER])
            Delivery.objects.filter(pk__in=keys(chosen)).update(message=uuid4())
        claim(Delivery.objects.filter(pk__in=keys(chosen)))
    fresh = Delivery.objects.filter(pk__in=keys(chosen)).select_related("notification__graph__owner", "channel__user")
    return list(fresh.order_by("notification__happened_at", "id"))


def _send(batch: Sequence[Delivery]) -> None:
    channel, attempts = batch[0].channel, batch[0].attempts
    wanted = [delivery for delivery in batch if _is_wanted(delivery)]
    unwanted = Delivery.objects.filter(pk__in=keys(batch)).exclude(pk__in=keys(wanted))
    unwanted.update(state=Delivery.State.DROPPED, claimed_until=None)
    if not wanted:
        return
    rows = Delivery.objects.filter(pk__in=keys(wanted))
    message = wanted[0].message
    try:
        deliver(channel, [delivery.notification for delivery in wanted], message or uuid4())
    except NotSent as error:
        put_off(rows, attempts, str(error), retry=error.retry)
        Channel.objects.filter(pk=channel.pk).update(problem=str(error)[:500])
    else:
        with transaction.atomic():
            settle(rows, attempts)
            now = timezone.now()
            Channel.objects.filter(pk=channel.pk).update(problem="", last_sent_at=now)
            # What has come meanwhile waits for a moment, so that many things are few messages.
            waiting = Delivery.objects.filter(channel=channel, state=Delivery.State.PENDING, message=None)
            waiting.filter(due_at__lt=now + _gap(channel)).update(due_at=now + _gap(channel))


def deliver(channel: Channel, notifications: Sequence[Notification], message: UUID) -> None:
    """Send one message.

    Raises:
        NotSent: it is not there, or nobody knows whether it is.
    """
    if channel.way == Way.MAIL:
        from agentflow.notifications.mail import send_mail

        send_mail(channel, notifications, message)
    else:
        from agentflow.notifications.targets import send_to_target

        send_to_target(channel, notifications)


def _is_wanted(delivery: Delivery) -> bool:
    """Whether the person still wants it and may still know it."""
    user, graph = delivery.channel.user, delivery.notification.graph
    if delivery.channel.stopped_at is not None or not user.is_active:
        return False
    return graph is None or may(user, graph)


def _gap(channel: Channel) -> timedelta:
    return GAP if channel.pace == Pace.AT_ONCE else timedelta(0)
