"""The pages of triggers: made, changed, tested, paused and deleted by those who may."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agentflow.graphs.models import Graph, Role
from agentflow.graphs.services import delete_graph
from agentflow.triggers import pages, tokens
from agentflow.triggers.models import Chain, Form, Schedule, Webhook
from executions.models import Execution
from tests import factories
from tests.triggers import made

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(alice: User) -> Graph:
    return made.greeter(alice)


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_nothing_yet_offers_each_kind(browser: Client) -> None:
    page = text(browser.get("/triggers/"))
    assert all(word in page for word in pages.WORDS.values())
    assert "No graph to start" in text(browser.get("/triggers/new/form/"))


def test_a_schedule_is_made_shown_and_changed(browser: Client, graph: Graph) -> None:
    address = f"/triggers/new/schedule/?graph={graph.pk}"
    assert "30 8 * * 1-5" in text(browser.get(address))
    typed = {"name": "Morning", "cron": "30 8 * * 1-5", "time_zone": "Europe/Berlin", "missed": "all"}
    typed |= {"input-who": "Ada", "input-times": "2"}
    answer = browser.post(address, typed, follow=True)
    schedule = Schedule.objects.get()
    assert (schedule.inputs, schedule.missed) == ({"who": "Ada", "times": 2}, "all")
    page = text(answer)
    assert len(re.findall(r"<li><time", page)) == 5
    assert page.count(", 08:30") == 5
    browser.post(
        f"/triggers/schedule/{schedule.pk}/", {**typed, "cron": "0 9 * * *", "time_input": "who", "input-who": ""}
    )
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.time_input, schedule.inputs) == ("0 9 * * *", "who", {"times": 2})


def test_mistakes_are_shown_where_they_are(browser: Client, graph: Graph) -> None:
    typed = {"cron": "nonsense", "time_zone": "UTC", "missed": "once", "input-who": "Ada"}
    answer = browser.post(f"/triggers/new/schedule/?graph={graph.pk}", typed)
    assert (answer.status_code, Schedule.objects.count()) == (422, 0)
    assert "Write five fields" in text(answer)
    assert 'value="Ada"' in text(answer)
    answer = browser.post(f"/triggers/new/schedule/?graph={graph.pk}", {**typed, "cron": "* * * * *", "input-who": ""})
    assert "This is needed." in text(answer)
    hook = browser.post(f"/triggers/new/webhook/?graph={graph.pk}", {**HOOK, "map-who": "cookies.x"})
    assert "An address begins with one of" in text(hook)
    signed = browser.post(f"/triggers/new/webhook/?graph={graph.pk}", {**HOOK, "signed": "GitHub"})
    assert "Choose the credential" in text(signed)


HOOK = {"method": "POST", "answer_seconds": "30"}


def test_a_webhook_shows_its_address_and_what_came(browser: Client, graph: Graph, alice: User) -> None:
    credential = made.credential(alice)
    typed = {**HOOK, "map-who": "body.who", "signed": "GitHub", "credential": str(credential.pk)}
    browser.post(f"/triggers/new/webhook/?graph={graph.pk}", {**typed, "answer_output": "greeting"})
    webhook = Webhook.objects.get()
    assert (webhook.mapping, webhook.signature["header"]) == ({"who": "body.who"}, "X-Hub-Signature-256")
    page = text(browser.get(f"/triggers/webhook/{webhook.pk}/"))
    assert f"/hooks/{tokens.token(webhook)}/" in page
    assert "Nothing came yet" in page
    webhook.deliveries.create(status="started", code=202, body=b'{"who": "<b>"}', size=14, request={})
    page = text(browser.get(f"/triggers/webhook/{webhook.pk}/"))
    assert "&lt;b&gt;" in page
    delivery = webhook.deliveries.get()
    answer = browser.post(f"/triggers/webhook/{webhook.pk}/deliveries/{delivery.pk}/", follow=True)
    assert "It was started again." in text(answer)
    assert Execution.objects.get().inputs["who"] == "<b>"


def test_a_form_and_a_chain_are_made(browser: Client, graph: Graph, alice: User) -> None:
    browser.post(f"/triggers/new/form/?graph={graph.pk}", {"title": "T", "is_public": "on", "most_per_minute": "5"})
    form = Form.objects.get()
    assert (form.title, form.is_public, form.shows_outputs) == ("T", True, False)
    assert f"/forms/{tokens.token(form)}/" in text(browser.get(f"/triggers/form/{form.pk}/"))
    source = made.greeter(alice)
    typed = {"source": str(source.pk), "after": "failure", "map-who": "error.detail"}
    browser.post(f"/triggers/new/chain/?graph={graph.pk}", typed)
    chain = Chain.objects.get()
    assert (chain.source, chain.after, chain.mapping) == (source, "failure", {"who": "error.detail"})


def test_a_test_opens_its_run_and_the_runs_name_the_trigger(browser: Client, graph: Graph) -> None:
    schedule = made.schedule(graph, inputs={"who": "Ada"})
    answer = browser.post(f"/triggers/schedule/{schedule.pk}/test/")
    run = Execution.objects.get()
    assert answer["Location"] == f"/executions/{run.pk}/"
    link = f'<a href="/triggers/schedule/{schedule.pk}/">schedule</a>'
    assert link in text(browser.get("/executions/"))
    assert link in text(browser.get(f"/executions/?trigger=schedule:{schedule.pk}"))
    assert link not in text(browser.get("/executions/?trigger=schedule:999999"))
    assert link in text(browser.get("/executions/?trigger=nonsense:1"))
    hook = made.webhook(graph)
    browser.post(f"/triggers/webhook/{hook.pk}/test/", {"test-who": "Grace", "test-times": "3"})
    assert Execution.objects.get(trigger="webhook").inputs == {"who": "Grace", "times": 3}


def test_it_is_paused_resumed_and_deleted(browser: Client, graph: Graph) -> None:
    schedule = made.schedule(graph, inputs={"who": "Ada"})
    assert "It is paused" in text(browser.post(f"/triggers/schedule/{schedule.pk}/pause/", follow=True))
    assert "active again" in text(browser.post(f"/triggers/schedule/{schedule.pk}/resume/", follow=True))
    assert "was deleted" in text(browser.post(f"/triggers/schedule/{schedule.pk}/delete/", follow=True))
    assert not Schedule.objects.exists()


def test_one_that_paused_by_itself_is_seen_on_the_front_page(browser: Client, graph: Graph, alice: User) -> None:
    schedule = made.schedule(graph, name="Morning greeting", inputs={"who": "Ada"})
    delete_graph(graph, by=alice)
    assert "Morning greeting is paused" in text(browser.get("/"))
    assert "Its graph was deleted." in text(browser.get("/triggers/"))
    page = text(browser.get(f"/triggers/schedule/{schedule.pk}/"))
    assert "It paused by itself" in page
    answer = browser.post(f"/triggers/schedule/{schedule.pk}/resume/", follow=True)
    assert "Make another one for another graph." in text(answer)


KINDS = [made.schedule, made.webhook, made.form]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("role", [None, *Role])
def test_pages_follow_the_roles(make: Any, role: Role | None, graph: Graph, bob: User) -> None:
    trigger = make(graph, **({"inputs": {"who": "Ada"}} if make is made.schedule else {}))
    if role:
        factories.share(graph, bob, role)
    client, address = as_(bob), f"/triggers/{trigger.kind}/{trigger.pk}/"
    page = client.get(address)
    assert page.status_code == (200 if role else 404)
    token = getattr(trigger, "digest", "") and tokens.token(trigger)
    assert (bool(token) and token in text(page)) == (bool(token) and role == Role.EDITOR)
    expected = 302 if role == Role.EDITOR else 403 if role else 404
    for verb in ("pause", "resume", "delete"):
        assert client.post(f"{address}{verb}/").status_code == expected


def test_what_is_not_there_is_nothing(browser: Client) -> None:
    for address in (
        "/triggers/webhook/1/",
        "/triggers/nonsense/1/",
        "/triggers/new/nonsense/",
        "/triggers/form/" + "9" * 30 + "/",
    ):
        assert browser.get(address).status_code == 404
    assert Client().get("/triggers/").status_code == 302


def test_a_long_list_costs_no_more_queries(browser: Client, graph: Graph, django_assert_max_num_queries: Any) -> None:
    for _ in range(3):
        made.webhook(graph)
        made.form(graph)
    with django_assert_max_num_queries(16):
        browser.get("/triggers/")
