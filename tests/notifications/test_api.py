"""Notifications in the API: everybody has their own."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from agentflow.graphs.models import Graph
from agentflow.notifications.models import Channel, Notification
from agentflow.notifications.noticing import notice
from agentflow.notifications.services import add_hook, own_channels
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rung")]
ROOT = "/api/v1/notifications/"


@pytest.fixture
def mine(api: APIClient, ann: User) -> APIClient:
    api.force_authenticate(ann)
    return api


def test_my_notifications_are_listed_and_others_are_not(mine: APIClient, ann: User, bob: User, graph: Graph) -> None:
    notice([ann, bob], kind="failed", title="One", graph=graph)
    (told,) = mine.get(ROOT).json()["results"]
    assert (told["title"], told["graph"]["name"], told["read_at"]) == ("One", "Sales", None)


def test_what_is_read_is_not_unread(mine: APIClient, ann: User) -> None:
    notice([ann], kind="failed", title="One")
    notice([ann], kind="late", title="Two")
    first = Notification.objects.get(title="One")
    assert mine.get(ROOT + "unread/").json() == {"unread": 2}
    assert mine.post(ROOT + "read/", {"ids": [str(first.pk)]}).json() == {"unread": 1}
    assert [row["title"] for row in mine.get(ROOT + "?unread=true").json()["results"]] == ["Two"]
    assert mine.post(ROOT + "read/", {}).json() == {"unread": 0}


def test_nobody_reads_what_others_were_told(mine: APIClient, bob: User) -> None:
    notice([bob], kind="failed", title="One")
    mine.post(ROOT + "read/", {"ids": [str(Notification.objects.get().pk)]})
    assert Notification.objects.get().read_at is None


def test_a_target_is_made_changed_and_deleted_and_its_address_is_never_shown(mine: APIClient) -> None:
    made = mine.post(ROOT + "channels/", {"name": "Ours", "url": "ntfys://secret-word@ntfy.sh/topic"})
    assert made.status_code == 201
    path = f"{ROOT}channels/{made.json()['id']}/"
    changed = mine.patch(path, {"kinds": ["late"], "pace": "daily", "is_on": False}).json()
    assert (changed["kinds"], changed["pace"], changed["is_on"], changed["shown"]) == (
        ["late"],
        "daily",
        False,
        "ntfys://…",
    )
    assert "secret-word" not in str([made.json(), changed, mine.get(ROOT + "channels/").json()])
    assert mine.delete(path).status_code == 204


def test_the_bell_cannot_be_deleted(mine: APIClient, ann: User) -> None:
    bell = own_channels(ann)[0]
    assert mine.delete(f"{ROOT}channels/{bell.pk}/").status_code == 409
    assert Channel.objects.filter(pk=bell.pk).exists()


@pytest.mark.parametrize("url", ["nonsense", "syslog://localhost"])
def test_an_address_that_may_not_be_is_explained(mine: APIClient, url: str) -> None:
    answer = mine.post(ROOT + "channels/", {"name": "Ours", "url": url})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/url")


def test_a_rule_needs_a_graph_that_i_see_and_a_channel_of_mine(
    mine: APIClient, ann: User, bob: User, graph: Graph
) -> None:
    hidden = factories.graph(bob, "a")
    bell, theirs = own_channels(ann)[0], own_channels(bob)[0]

    def rule(channel: Channel, graph: Graph) -> Any:
        return mine.post(ROOT + "rules/", {"channel": str(channel.pk), "graph": graph.pk, "kinds": []}).status_code

    assert (rule(bell, graph), rule(bell, hidden), rule(theirs, graph)) == (201, 404, 404)


def test_the_secret_of_a_hook_is_shown_once(mine: APIClient, graph: Graph) -> None:
    made = mine.post(ROOT + "hooks/", {"graph": graph.pk, "url": "https://example.com/done"}).json()
    assert made["secret"].startswith("afhook_")
    assert made["secret"] not in str(mine.get(ROOT + "hooks/").json())
    renewed = mine.post(f"{ROOT}hooks/{made['id']}/secret/").json()
    assert renewed["secret"] != made["secret"]


def test_viewers_find_no_hooks(api: APIClient, ann: User, bob: User, graph: Graph) -> None:
    hook, _ = add_hook(graph, user=ann, url="https://example.com/")
    factories.share(graph, bob)
    api.force_authenticate(bob)
    assert api.get(ROOT + "hooks/").json()["results"] == []
    assert api.get(f"{ROOT}hooks/{hook.pk}/").status_code == 404
