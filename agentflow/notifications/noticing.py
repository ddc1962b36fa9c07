"""Telling people that something has happened: rows for the bell and for what is to be sent, in the caller's transaction."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from agentflow.graphs.models import Graph
from agentflow.notifications import jobs
from agentflow.notifications.channels import Wanted, channels_of, wanted, zone_of
from agentflow.notifications.models import Channel, Delivery, Notification
from agentflow.notifications.pacing import due_at

MOST_TEXT = 2_000


def notice(
    users: Iterable[User],
    *,
    kind: str,
    title: str,
    text: str = "",
    graph: Graph | None = None,
    path: str = "",
    key: str = "",
    is_manual: bool = False,
) -> list[Notification]:
    """Tell these people, each by the channels that let it through.

    Args:
        users: people who may know it.
        kind: what has happened.
        title: a sentence that says it.
        text: what else a reader needs.
        graph: the graph that it is about.
        path: the page that shows more.
        key: with a key a person is told once, whoever tells it how often.
        is_manual: it is about a run that somebody started by hand; the same that is unread is told no second time.
    """
    people = {user.pk: user for user in users}
    ways = wanted(channels_of(people.values()), kind, graph, is_manual=is_manual)
    told = []
    with transaction.atomic():
        for user, way in ways.items():
            made = Notification(
                user=people[user],
                kind=kind,
                graph=graph,
                key=key,
                title=title.replace("\0", "")[:300],
                text=text.replace("\0", "")[:MOST_TEXT],
                path=path,
                is_shown=way.bell,
                happened_at=timezone.now(),
            )
            if not (is_manual and _count_again(made)) and _keep(made):
                _send(made, way)
                told.append(made)
    return told


def _count_again(made: Notification) -> bool:
    """Put it in the place of an unread one of the same kind and graph; whether there was one."""
    same = Notification.objects.select_for_update().filter(
        user=made.user, kind=made.kind, graph=made.graph, key="", is_shown=True, read_at=None
    )
    before = same.first()
    if before is None:
        return False
    before.times += 1
    before.title, before.text, before.path, before.happened_at = made.title, made.text, made.path, made.happened_at
    before.save(update_fields=["times", "title", "text", "path", "happened_at"])
    return True


def _keep(made: Notification) -> bool:
    """Whether it is new."""
    if not made.key:
        made.save(force_insert=True)
        return True
    if Notification.objects.filter(user=made.user, key=made.key).exists():
        return False
    Notification.objects.bulk_create([made], ignore_conflicts=True)
    return Notification.objects.filter(pk=made.pk).exists()


def _send(made: Notification, way: Wanted) -> None:
    for channel in way.others:
        due = due_of(channel, made.happened_at)
        Delivery.objects.create(notification=made, channel=channel, due_at=due)
        if due <= made.happened_at:
            jobs.enqueue(jobs.SEND, channel.pk)


def due_of(channel: Channel, now: datetime) -> datetime:
    """When what happens now is sent by this channel."""
    return due_at(channel.pace, now, sent_at=channel.last_sent_at, zone=zone_of(channel.user))
