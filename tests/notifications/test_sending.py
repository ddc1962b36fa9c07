"""Messages by a real mail server and a real HTTP server on this machine."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from agentflow.graphs.models import Graph
from agentflow.notifications import chores, sending
from agentflow.notifications.kinds import Way
from agentflow.notifications.models import Channel, Delivery, Notification
from agentflow.notifications.noticing import notice
from agentflow.notifications.pacing import TRIES
from agentflow.notifications.services import add_target, own_channels, set_rule, try_channel
from tests.notifications.conftest import Inbox, Service, work
from tests.notifications.runs import fail

pytestmark = pytest.mark.django_db
Rung = list[tuple[str, UUID]]


def mail_of(user: User) -> Channel:
    return next(channel for channel in own_channels(user) if channel.way == Way.MAIL)


def send_all(rung: Rung) -> None:
    """Whatever waits is due now, and is sent."""
    Delivery.objects.filter(state="pending").update(due_at=Now())
    chores.ring_due()
    work(rung)


def test_a_failure_is_mailed_as_text_and_html(
    ann: User, graph: Graph, inbox: Inbox, rung: Rung, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = fail(graph)
    work(rung)
    (mail,) = inbox.mails
    assert (mail["Subject"], mail["To"]) == ("[agentflow] “Sales” failed", "ann@example.com")
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        text = body.get_content()
        assert "a: no such host" in text
        assert f"/executions/{run.pk}/" in text
    assert Delivery.objects.get().state == "sent"


def test_html_of_a_mail_is_escaped(ann: User, graph: Graph, inbox: Inbox, rung: Rung) -> None:
    mail_of(ann)
    fail(graph, error={"detail": "<script>alert(1)</script>"})
    send_all(rung)
    body = inbox.mails[0].get_body(("html",))
    assert body is not None
    assert "<script>" not in body.get_content()


def test_many_at_once_are_one_mail(ann: User, graph: Graph, inbox: Inbox, rung: Rung) -> None:
    for number in range(5):
        notice([ann], kind="waiting", title=f"Question {number}", graph=graph, key=f"q{number}")
    send_all(rung)
    assert inbox.subjects == ["[agentflow] 5 notifications: Question 0, …"]


def test_what_comes_right_after_a_mail_waits_a_minute(ann: User, graph: Graph, inbox: Inbox, rung: Rung) -> None:
    notice([ann], kind="waiting", title="One", graph=graph)
    send_all(rung)
    notice([ann], kind="waiting", title="Two", graph=graph)
    chores.ring_due()
    work(rung)
    assert len(inbox.mails) == 1
    assert Delivery.objects.get(state="pending").due_at > timezone.now() + timedelta(seconds=50)


def test_a_digest_waits_for_its_hour(ann: User, graph: Graph, inbox: Inbox, rung: Rung) -> None:
    Channel.objects.filter(pk=mail_of(ann).pk).update(pace="daily")
    notice([ann], kind="failed", title="One", graph=graph)
    notice([ann], kind="late", title="Two", graph=graph)
    chores.ring_due()
    work(rung)
    assert inbox.mails == []
    send_all(rung)
    assert inbox.subjects == ["[agentflow] 2 notifications: One, …"]


def test_a_refused_mail_is_tried_again_with_the_same_id(
    ann: User, graph: Graph, inbox: Inbox, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.refusals = ["451 come back later"]
    notice([ann], kind="failed", title="One", graph=graph)
    send_all(rung)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert "451 come back later" in delivery.error
    assert "451" in mail_of(ann).problem
    send_all(rung)
    assert str(inbox.mails[0]["Message-ID"]).startswith(f"<{delivery.message}@")
    assert (Delivery.objects.get().state, mail_of(ann).problem) == ("sent", "")


def test_in_the_end_a_mail_is_given_up(ann: User, graph: Graph, inbox: Inbox, rung: Rung) -> None:
    inbox.refusals = ["451 no"] * TRIES
    notice([ann], kind="failed", title="One", graph=graph)
    for _ in range(TRIES):
        send_all(rung)
    assert (Delivery.objects.get().state, inbox.mails) == ("failed", [])


def test_a_worker_that_dies_while_it_sends_leaves_it_to_another_one(
    ann: User, graph: Graph, inbox: Inbox, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice([ann], kind="failed", title="One", graph=graph)

    def dies(channel: Channel, notifications: Sequence[Notification], message: UUID) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sending, "deliver", dies)
        send_all(rung)
    message = Delivery.objects.get().message
    rung.clear()
    send_all(rung)
    assert inbox.mails == []  # it may still be at it
    Delivery.objects.update(claimed_until=Now() - timedelta(seconds=1))
    notice([ann], kind="failed", title="Two", graph=graph)
    send_all(rung)
    send_all(rung)
    assert inbox.subjects == ["[agentflow] One", "[agentflow] Two"]  # the first as it was
    assert str(inbox.mails[0]["Message-ID"]).startswith(f"<{message}@")


def test_a_job_that_comes_twice_sends_once(ann: User, graph: Graph, inbox: Inbox, rung: Rung) -> None:
    notice([ann], kind="failed", title="One", graph=graph)
    chores.ring_due()
    twice = [*rung]
    work(rung)
    work(twice)
    assert len(inbox.mails) == 1


def test_who_opts_out_gets_no_more_not_even_what_waits(
    ann: User, graph: Graph, inbox: Inbox, rung: Rung, client: Client
) -> None:
    notice([ann], kind="failed", title="One", graph=graph)
    send_all(rung)
    notice([ann], kind="failed", title="Two", graph=graph)
    mail = inbox.mails[0]
    link = re.search(r"<(http.+)>", str(mail["List-Unsubscribe"]).replace("\n", ""))
    assert link is not None
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = "/" + link[1].split("/", 3)[3]
    assert client.get(path).status_code == 200
    assert mail_of(ann).stopped_at is None  # programs that follow links stop nothing
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    send_all(rung)
    notice([ann], kind="failed", title="Three", graph=graph)
    send_all(rung)
    assert inbox.subjects == ["[agentflow] One"]
    assert list(Delivery.objects.order_by("id").values_list("state", flat=True)) == ["sent", "dropped"]


def test_opting_out_of_one_graph_leaves_the_others(
    ann: User, graph: Graph, inbox: Inbox, rung: Rung, client: Client
) -> None:
    from agentflow.notifications.opting_out import token_for

    path = f"/notifications/opt-out/{token_for(mail_of(ann), graph)}/"
    assert "No more mail about" in client.post(path, {"what": "graph"}).content.decode()
    notice([ann], kind="failed", title="One", graph=graph)
    notice([ann], kind="budget", title="Another", graph=None)
    send_all(rung)
    assert inbox.subjects == ["[agentflow] Another"]


@pytest.mark.parametrize("token", ["nonsense", "a:b:c"])
def test_a_link_that_is_not_ours_stops_nothing(client: Client, ann: User, inbox: Inbox, token: str) -> None:
    mail_of(ann)
    assert client.post(f"/notifications/opt-out/{token}/").status_code == 404
    assert not Channel.objects.exclude(stopped_at=None).exists()


def test_who_may_not_see_the_graph_any_more_gets_no_mail(
    ann: User, bob: User, graph: Graph, inbox: Inbox, rung: Rung
) -> None:
    from tests import factories

    bob.email = "bob@example.com"
    bob.save()
    share = factories.share(graph, bob)
    set_rule(mail_of(bob), graph, kinds=["failed"])
    notice([bob], kind="failed", title="One", graph=graph)
    share.delete()
    send_all(rung)
    assert inbox.mails == []
    assert Delivery.objects.get().state == "dropped"


def test_the_test_button_sends_a_mail(ann: User, inbox: Inbox, rung: Rung) -> None:
    try_channel(mail_of(ann))
    send_all(rung)
    assert inbox.subjects == ["[agentflow] This is a test"]


def test_a_target_is_called_by_its_own_process(ann: User, graph: Graph, service: Service, rung: Rung) -> None:
    target = add_target(ann, name="Ours", url=f"json://{service.address}/told")
    notice([ann], kind="failed", title="“Sales” failed", text="no such host", graph=graph)
    send_all(rung)
    ((path, _, body),) = service.calls
    assert path == "/told"
    assert (json.loads(body)["title"], json.loads(body)["message"]) == ("“Sales” failed", "no such host")
    assert Delivery.objects.get(channel=target).state == "sent"


def test_a_target_is_not_called_behind_our_network(ann: User, service: Service, rung: Rung, settings: Any) -> None:
    settings.HTTP_ALLOW = []
    target = add_target(ann, name="Ours", url=f"json://localhost:{service.address.rpartition(':')[2]}/")
    try_channel(target)
    send_all(rung)
    delivery = Delivery.objects.get()
    assert (service.calls, delivery.state) == ([], "failed")
    assert "is not on the open internet" in delivery.error


def test_a_target_that_answers_with_an_error_is_tried_again(ann: User, service: Service, rung: Rung) -> None:
    service.statuses = [500]
    try_channel(add_target(ann, name="Ours", url=f"json://{service.address}/"))
    send_all(rung)
    assert Delivery.objects.get().state == "pending"
    send_all(rung)
    assert Delivery.objects.get().state == "sent"


def test_the_address_of_a_target_is_stored_encrypted(ann: User) -> None:
    channel = add_target(ann, name="Ours", url="json://user:very-secret@example.com/")
    stored = Channel.objects.filter(pk=channel.pk).values().get()
    assert "very-secret" not in str(stored)
    assert stored["shown"] == "json://…"


@pytest.mark.parametrize("url", ["", "hello", "syslog://localhost", "dbus://", "json://\x00"])
def test_what_is_no_address_or_acts_here_is_refused(ann: User, url: str) -> None:
    from agentflow.notifications.services import NotificationRefused

    with pytest.raises(NotificationRefused):
        add_target(ann, name="Ours", url=url)
