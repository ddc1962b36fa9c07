"""A new key: what is kept encrypted goes with it."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from agentflow.credentials.rotation import KeysLost, rotate
from agentflow.credentials.sealing import first_name
from agentflow.env import new_key
from agentflow.graphs.models import Graph
from agentflow.notifications.models import Channel, Hook
from agentflow.notifications.services import add_hook, add_target
from agentflow.notifications.targets import opened

pytestmark = pytest.mark.django_db


def test_addresses_and_secrets_open_when_the_old_key_is_gone(ann: User, graph: Graph, settings: Any) -> None:
    channel = add_target(ann, name="Ours", url="json://example.com/")
    hook, secret = add_hook(graph, user=ann, url="https://example.com/")
    settings.CREDENTIAL_KEYS = [new_key(), *settings.CREDENTIAL_KEYS]
    assert rotate().renewed == 2
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS[:1]
    channel, hook = Channel.objects.get(pk=channel.pk), Hook.objects.get(pk=hook.pk)
    assert opened(channel.pk, "url", channel.sealed) == "json://example.com/"
    assert opened(hook.pk, "secret", hook.sealed) == secret
    assert {channel.key, hook.key} == {first_name()}


def test_what_no_key_opens_is_named(ann: User, settings: Any) -> None:
    add_target(ann, name="Ours", url="json://example.com/")
    settings.CREDENTIAL_KEYS = [new_key()]
    with pytest.raises(KeysLost) as error:
        rotate()
    assert error.value.names == ["Ours"]
