"""Links in mails that stop further ones without a login: signed, for one channel, and for one graph if it is about one."""

from typing import NamedTuple
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.db.models.functions import Now

from agentflow.graphs.models import Graph
from agentflow.notifications.models import Channel, Rule

SALT = "agentflow.notifications.opt-out"


class OptOut(NamedTuple):
    """What a link may stop."""

    channel: Channel
    graph: Graph | None


def token_for(channel: Channel, graph: Graph | None) -> str:
    """The link's secret part; good as long as the channel is there."""
    return signing.dumps([channel.pk.hex, graph.pk if graph else None], salt=SALT)


def read_token(token: str) -> OptOut | None:
    """What the link may stop; None: it is none of ours, or the channel is gone."""
    try:
        channel, graph = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    found = Channel.objects.select_related("user").filter(pk=UUID(channel)).first()
    return OptOut(found, Graph.objects.filter(pk=graph).first()) if found else None


def stop_all(channel: Channel) -> None:
    """Send nothing more by this channel; the person can switch it on again."""
    Channel.objects.filter(pk=channel.pk, stopped_at=None).update(stopped_at=Now())


def mute(channel: Channel, graph: Graph) -> None:
    """Tell nothing more of this graph by this channel."""
    with transaction.atomic():
        Rule.objects.update_or_create(channel=channel, graph=graph, defaults={"kinds": []})
