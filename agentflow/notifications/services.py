"""Verbs: make and change channels, rules and hooks, mark as read, test."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from agentflow.graphs.models import Graph
from agentflow.notifications import jobs
from agentflow.notifications.channels import channels_of
from agentflow.notifications.following import refresh
from agentflow.notifications.kinds import Kind, Way
from agentflow.notifications.models import Channel, Delivery, Hook, Notification, Rule
from agentflow.notifications.targets import put_address, read_address

#: Targets of one person, and hooks of one graph.
MOST_TARGETS, MOST_HOOKS = 20, 20


class NotificationRefused(Exception):
    """What was given cannot be; `problems` are `{pointer, detail}`."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.problems = [{"pointer": pointer, "detail": detail}]


def told(user: User) -> QuerySet[Notification]:
    """What the bell shows, newest first."""
    return Notification.objects.filter(user=user, is_shown=True)


def mark_read(user: User, ids: Iterable[UUID] | None = None) -> int:
    """These, or all, were read; how many were not before."""
    rows = told(user).filter(read_at=None)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return rows.update(read_at=Now())


def own_channels(user: User) -> list[Channel]:
    """The person's channels; bell and mail are there from the beginning."""
    return sorted(channels_of([user]), key=lambda channel: ([*Way].index(Way(channel.way)), channel.created_at))


def add_target(user: User, *, name: str, url: str, **fields: Any) -> Channel:
    """A new Apprise target.

    Raises:
        NotificationRefused: the address is none, or there are too many.
    """
    if Channel.objects.filter(user=user, way=Way.APPRISE).count() >= MOST_TARGETS:
        raise NotificationRefused("#/url", f"You have {MOST_TARGETS} targets already.")
    channel = Channel(user=user, way=Way.APPRISE, name=name, **fields)
    put_address(channel, _address(url))
    channel.save()
    channel.refresh_from_db()
    return channel


def change_channel(channel: Channel, changes: Mapping[str, Any]) -> Channel:
    """The channel with other members: name, url, pace, kinds, includes_manual, is_on.

    Raises:
        NotificationRefused: the address is none, or the channel has none.
    """
    if "url" in changes:
        if channel.way != Way.APPRISE:
            raise NotificationRefused("#/url", "Only Apprise targets have an address of their own.")
        put_address(channel, _address(changes["url"]))
        channel.problem = ""
    for name in ("name", "pace", "kinds", "includes_manual"):
        if name in changes:
            setattr(channel, name, changes[name])
    if "is_on" in changes:
        channel.stopped_at = None if changes["is_on"] else channel.stopped_at or timezone.now()
    channel.save()
    return channel


def try_channel(channel: Channel) -> Delivery | None:
    """Send a message that says that it works; the bell shows it at once."""
    with transaction.atomic():
        made = Notification.objects.create(
            user=channel.user,
            kind=Kind.TEST,
            title="This is a test",
            text=f"What agentflow has to tell you arrives here: “{channel.name}”.",
            path="/notifications/preferences/",
            is_shown=channel.way == Way.BELL,
            happened_at=timezone.now(),
        )
        if channel.way == Way.BELL:
            return None
        delivery = Delivery.objects.create(notification=made, channel=channel)
        jobs.enqueue(jobs.SEND, channel.pk)
    return delivery


def set_rule(channel: Channel, graph: Graph, *, kinds: list[str], includes_manual: bool = False) -> Rule:
    """What of this graph the channel tells."""
    fields = {"kinds": kinds, "includes_manual": includes_manual}
    rule, _ = Rule.objects.update_or_create(channel=channel, graph=graph, defaults=fields)
    return rule


def check_hook_url(url: str) -> str:
    """The address of a hook.

    Raises:
        NotificationRefused: it is none.
    """
    address = url.strip()
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and address.isprintable()
    except ValueError:
        is_address = False
    if not is_address or " " in address:
        raise NotificationRefused("#/url", "The address must begin with https:// or http:// and name a host.")
    return address


def add_hook(graph: Graph, *, user: User, url: str, **fields: Any) -> tuple[Hook, str]:
    """A new completion webhook, and the secret that signs its calls.

    Raises:
        NotificationRefused: the address is none, or there are too many.
    """
    from agentflow.notifications.hooks import make_hook

    if Hook.objects.filter(graph=graph).count() >= MOST_HOOKS:
        raise NotificationRefused("#/url", f"This graph has {MOST_HOOKS} hooks already.")
    with transaction.atomic():
        hook, secret = make_hook(graph, user=user, url=check_hook_url(url), **fields)
        refresh(graph)
    hook.refresh_from_db()
    return hook, secret


def change_hook(hook: Hook, changes: Mapping[str, Any]) -> Hook:
    """The hook with other members: url, statuses, includes_outputs, is_on.

    Raises:
        NotificationRefused: the address is none.
    """
    with transaction.atomic():
        if "url" in changes:
            hook.url = check_hook_url(changes["url"])
        for name in ("statuses", "includes_outputs", "is_on"):
            if name in changes:
                setattr(hook, name, changes[name])
        hook.save()
        refresh(hook.graph)
    return hook


def delete_hook(hook: Hook) -> None:
    """Call it never again."""
    with transaction.atomic():
        graph = hook.graph
        hook.delete()
        refresh(graph)


def _address(url: str) -> str:
    try:
        return read_address(url)
    except ValueError as error:
        raise NotificationRefused("#/url", str(error)) from None
