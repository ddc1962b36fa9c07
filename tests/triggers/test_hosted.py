"""A form asks for what the graph needs, starts it once, and shows what it gave to its sender only."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agentflow.api.throttling import Buckets
from agentflow.graphs.models import Graph
from agentflow.triggers import hosted, services, tokens
from agentflow.triggers.fields import input_fields, read_fields, values_of
from agentflow.triggers.models import Form
from executions.models import Execution
from tests.executions.hosting import ended, hosting, spec_of
from tests.triggers import made

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(alice: User) -> Graph:
    return made.greeter(alice)


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted, "people", Buckets(rate=1e9, burst=1e9))


def address(form: Form) -> str:
    return f"/forms/{tokens.token(form)}/"


def post(form: Form, client: Client | None = None, **typed: str) -> Any:
    data = {"submission": str(uuid4()), **{f"input-{name}": text for name, text in typed.items()}}
    return (client or Client()).post(address(form), data)


def test_it_asks_for_the_inputs_and_starts_the_graph(graph: Graph) -> None:
    form = made.form(graph, is_public=True, title="Greet somebody", description="Say <b>who</b>.")
    page = Client().get(address(form)).content.decode()
    assert "Greet somebody" in page
    assert "&lt;b&gt;" in page
    assert re.search(r'type="number"[^>]*name="input-times"[^>]*value="1"', page)
    answer = post(form, who="Ada", times="2")
    run = Execution.objects.get()
    assert (answer.status_code, run.inputs, run.trigger) == (302, {"who": "Ada", "times": 2}, "form")
    assert answer["Location"].startswith(address(form))


def test_mistakes_are_shown_beside_what_was_typed(graph: Graph) -> None:
    form = made.form(graph, is_public=True)
    answer = post(form, who="", times="many")
    page = answer.content.decode()
    assert (answer.status_code, Execution.objects.count()) == (422, 0)
    assert "This is needed." in page
    assert 'value="many"' in page


def test_a_form_that_is_sent_twice_starts_once(graph: Graph) -> None:
    form = made.form(graph, is_public=True)
    data = {"submission": str(uuid4()), "input-who": "Ada"}
    for _ in range(2):
        assert Client().post(address(form), data).status_code == 302
    assert Execution.objects.count() == 1


def test_one_by_login_sends_strangers_to_the_login(graph: Graph, charlie: User) -> None:
    form = made.form(graph)
    answer = Client().get(address(form))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    client = Client()
    client.force_login(charlie)
    assert post(form, client, who="Charlie").status_code == 302
    assert Execution.objects.get().owner == graph.owner


def test_what_it_always_gives_is_not_asked_for(graph: Graph) -> None:
    form = made.form(graph, is_public=True, inputs={"times": 9})
    assert "input-times" not in Client().get(address(form)).content.decode()
    post(form, who="Ada", times="1")
    assert Execution.objects.get().inputs == {"who": "Ada", "times": 9}


def test_the_result_is_shown_to_its_sender(graph: Graph, transactional_db: None) -> None:
    form = made.form(graph, is_public=True)
    sent = post(form, who="Ada <script>")
    assert "being worked on" in Client().get(sent["Location"]).content.decode()
    with hosting():
        ended(Execution.objects.get())
    page = Client().get(sent["Location"]).content.decode()
    assert "Ada &lt;script&gt;" in page
    Form.objects.update(shows_outputs=False)
    assert "Ada" not in Client().get(sent["Location"]).content.decode()
    other = made.form(graph, is_public=True)
    signed = sent["Location"].rstrip("/").rpartition("/")[2]
    assert Client().get(f"{address(other)}{signed}/").status_code == 404
    assert Client().get(f"{address(form)}{Execution.objects.get().pk}/").status_code == 404


def test_too_many_are_asked_to_wait_and_keep_what_they_typed(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted, "people", Buckets(rate=0.1, burst=1))
    form = made.form(graph, is_public=True)
    assert post(form, who="Ada").status_code == 302
    answer = post(form, who="Grace")
    assert (answer.status_code, "Grace" in answer.content.decode()) == (429, True)
    assert int(answer["Retry-After"]) > 0


def test_all_together_are_limited_too(graph: Graph) -> None:
    form = made.form(graph, is_public=True, most_per_minute=2)
    assert [post(form, who="A").status_code for _ in range(3)] == [302, 302, 429]


def test_a_paused_form_takes_nothing(graph: Graph, alice: User) -> None:
    form = services.pause_trigger(made.form(graph, is_public=True), user=alice)
    assert Client().get(address(form)).status_code == 503
    assert post(form, who="Ada").status_code == 503


def test_it_needs_the_token_of_its_own_page(graph: Graph) -> None:
    form = made.form(graph, is_public=True)
    client = Client(enforce_csrf_checks=True)
    assert post(form, client, who="Ada").status_code == 403


def test_an_unknown_form_is_nothing() -> None:
    assert Client().get("/forms/" + "a" * 43 + "/").status_code == 404


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", " a ", " a "),
        ("integer", " 7 ", 7),
        ("number", "1.5", 1.5),
        ("boolean", "on", True),
        ("boolean", "", False),
        ("list", "[1]", [1]),
        ("dict", '{"a": 1}', {"a": 1}),
        ("any", "plain", "plain"),
        ("any", "[1]", [1]),
    ],
)
def test_each_type_of_input_is_read(kind: str, text: str, value: Any) -> None:
    nodes = spec_of({"a": ("io.input", {"name": "a", "type": kind})}).nodes
    values, fields = values_of(read_fields(input_fields(nodes), {"input-a": text}), nodes)
    assert not fields[0].error
    from executions.inputs import resolve_inputs

    assert resolve_inputs(nodes, values) == {"a": value}


@pytest.mark.parametrize(("kind", "text"), [("integer", "1.5"), ("number", "x"), ("list", "{"), ("dict", "[1]")])
def test_what_does_not_fit_says_so(kind: str, text: str) -> None:
    nodes = spec_of({"a": ("io.input", {"name": "a", "type": kind})}).nodes
    _, fields = values_of(read_fields(input_fields(nodes), {"input-a": text}), nodes)
    assert fields[0].error
