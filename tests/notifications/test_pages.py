"""The pages of notifications."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver

from agentflow.graphs.models import Graph
from agentflow.notifications.models import Channel, Delivery, Hook, Notification
from agentflow.notifications.noticing import notice
from agentflow.notifications.services import add_hook, add_target, own_channels

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rung")]


@pytest.fixture
def page(client: Client, ann: User) -> Client:
    client.force_login(ann)
    return client


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_bell_counts_what_is_unread(page: Client, ann: User) -> None:
    notice([ann], kind="failed", title="One")
    assert '<b class="badge">1<span class="hidden"> unread</span></b>' in text(page, "/")
    page.post("/notifications/read/")
    assert "unread</span></b>" not in text(page, "/")


def test_opening_a_notification_reads_it_and_shows_what_it_is_about(page: Client, ann: User) -> None:
    notice([ann], kind="failed", title="One", path="/graphs/")
    told = Notification.objects.get()
    assert page.get(f"/notifications/{told.pk}/").headers["Location"] == "/graphs/"
    told.refresh_from_db()
    assert told.read_at is not None


def test_the_list_shows_more_than_a_page(page: Client, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentflow.notifications.views.PER_PAGE", 2)
    for title in ("One", "Two", "Three"):
        notice([ann], kind="late", title=title)
    first = text(page, "/notifications/")
    assert ("Three" in first, "Two" in first, ">One<" in first) == (True, True, False)
    oldest_shown = Notification.objects.get(title="Two")
    assert ">One<" in text(page, f"/notifications/?before={oldest_shown.pk}")


def test_what_i_am_told_can_be_changed_and_switched_off(page: Client, ann: User) -> None:
    bell = own_channels(ann)[0]
    page.post(f"/notifications/channels/{bell.pk}/", {"kinds": ["late"]})
    bell.refresh_from_db()
    assert (bell.kinds, bell.includes_manual) == (["late"], False)
    page.post(f"/notifications/channels/{bell.pk}/", {"is_on": "0"})
    assert "Off: nothing is told in this way." in text(page, "/notifications/preferences/")


def test_a_target_is_added_tested_and_deleted(page: Client, ann: User) -> None:
    page.post("/notifications/preferences/", {"name": "Ours", "url": "json://user:secret-word@example.com/"})
    channel = Channel.objects.get(way="apprise")
    answer = page.post(f"/notifications/channels/{channel.pk}/test/", follow=True).content.decode()
    assert "This is a test" in answer
    assert "secret-word" not in answer
    page.post(f"/notifications/channels/{channel.pk}/delete/")
    assert not Delivery.objects.exists()


def test_a_wrong_target_is_explained(page: Client) -> None:
    answer = page.post("/notifications/preferences/", {"name": "Ours", "url": "syslog://localhost"})
    assert "would act on the server itself" in answer.content.decode()


def test_a_graph_can_be_muted_and_set_back(page: Client, ann: User, graph: Graph) -> None:
    bell = own_channels(ann)[0]
    path = f"/graphs/{graph.pk}/notifications/"
    page.post(path + "rules/", {f"{bell.pk}-own": "1"})
    notice([ann], kind="failed", title="One", graph=graph)
    assert not Notification.objects.exists()
    assert "nothing: muted" in text(page, "/notifications/preferences/")
    page.post(path + "rules/", {})
    assert not bell.rules.exists()


def test_a_hook_is_added_with_its_secret_shown_once(page: Client, graph: Graph) -> None:
    path = f"/graphs/{graph.pk}/notifications/"
    answer = page.post(path + "hooks/", {"url": "https://example.com/done", "statuses": ["failed"]}).content.decode()
    assert "afhook_" in answer
    assert "afhook_" not in text(page, path)
    hook = Hook.objects.get()
    page.post(f"/notifications/hooks/{hook.pk}/off/")
    hook.refresh_from_db()
    assert not hook.is_on


def test_lateness_is_set(page: Client, graph: Graph) -> None:
    path = f"/graphs/{graph.pk}/notifications/"
    page.post(path + "lateness/", {"longest_minutes": "30", "silent_minutes": ""})
    assert 'value="30"' in text(page, path)
    assert page.post(path + "lateness/", {"longest_minutes": "0"}).status_code == 422


def test_pages_have_names_of_their_own() -> None:
    names = [name for name in get_resolver().reverse_dict if isinstance(name, str)]
    doubled = [name for name in names if len(get_resolver().reverse_dict.getlist(name)) > 1]
    ours = ("notification", "channel", "hook", "rule", "call-repeat", "graph-rules", "graph-lateness")
    assert not [name for name in doubled if name.startswith(ours)]


def test_channels_and_hooks_of_the_admin_show_no_secret(admin_client: Client, ann: User, graph: Graph) -> None:
    channel = add_target(ann, name="Ours", url="json://user:secret-word@example.com/")
    hook, secret = add_hook(graph, user=ann, url="https://example.com/")
    for path in (f"channel/{channel.pk}", f"hook/{hook.pk}"):
        shown = text(admin_client, f"/admin/notifications/{path}/change/")
        assert not [word for word in ("secret-word", secret, channel.sealed, hook.sealed) if word in shown]
