"""The channels of people, and what each of them lets through."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.models import User

from agentflow.graphs.models import Graph
from agentflow.notifications.kinds import Way
from agentflow.notifications.models import Channel, Rule


def is_mail_set_up() -> bool:
    """Whether this installation can send mail."""
    return bool(settings.EMAIL_HOST)


def channels_of(users: Iterable[User]) -> list[Channel]:
    """Every channel of these people; the bell, and e-mail where there is an address, are made when first needed."""
    people = {user.pk: user for user in users}
    found = list(Channel.objects.filter(user__in=people).select_related("user"))
    known = {(channel.user_id, channel.way) for channel in found}
    ways = [(Way.BELL, "In agentflow"), *([(Way.MAIL, "E-mail")] if is_mail_set_up() else [])]
    missing = [
        Channel(user=user, way=way, name=name, includes_manual=way == Way.BELL)
        for user in people.values()
        for way, name in ways
        if (user.pk, way) not in known and (way == Way.BELL or user.email)
    ]
    if not missing:
        return found
    Channel.objects.bulk_create(missing, ignore_conflicts=True)
    return list(Channel.objects.filter(user__in=people).select_related("user"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The channels by which one person is told of one thing."""

    bell: bool
    others: tuple[Channel, ...]

    def __bool__(self) -> bool:
        """Whether the person is told at all."""
        return self.bell or bool(self.others)


def wanted(channels: Iterable[Channel], kind: str, graph: Graph | None, *, is_manual: bool) -> dict[int, Wanted]:
    """By person: what of their channels lets it through."""
    channels = list(channels)
    rules = {
        rule.channel_id: rule for rule in Rule.objects.filter(channel__in=channels, graph=graph) if graph is not None
    }
    chosen: dict[int, list[Channel]] = {}
    for channel in channels:
        rule = rules.get(channel.pk, channel)
        if channel.stopped_at is None and kind in rule.kinds and (rule.includes_manual or not is_manual):
            chosen.setdefault(channel.user_id, []).append(channel)
    return {
        user: Wanted(any(channel.way == Way.BELL for channel in ways), tuple(c for c in ways if c.way != Way.BELL))
        for user, ways in chosen.items()
    }


def zone_of(user: User) -> tzinfo:
    """The person's time zone."""
    name = getattr(getattr(user, "profile", None), "time_zone", "") or settings.TIME_ZONE
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
