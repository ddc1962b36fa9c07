"""The pages of approvals: what waits, deciding, and what was decided."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agentflow.graphs.models import Graph, Node, Role
from executions.approvals import decide
from executions.engine.status import Status
from executions.models import Approval, Execution
from tests import factories
from tests.pages.questions import asked

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

LIST = "/approvals/"


@pytest.fixture
def graph(alice: User) -> Graph:
    made = factories.graph(alice, "ask -> pay", name="Orders")
    Node.objects.filter(graph=made, key="ask").update(title="Ask the boss")
    return made


@pytest.fixture
def visitor(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def page(approval: Approval) -> str:
    return f"{LIST}{approval.pk}/"


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def send(client: Client, approval: Approval, **form: str) -> Any:
    return client.post(page(approval), {"payload": '{\r\n  "sum": 5\r\n}', "comment": ""} | form)


def test_an_open_question_stands_in_the_list_with_its_payload(visitor: Client, graph: Graph) -> None:
    asked(graph)
    shown = text(visitor, LIST)
    for part in ("Ask the boss", "Orders", "May this be ordered?", "&quot;sum&quot;: 5", "Approve", "Reject"):
        assert part in shown


def test_the_list_says_when_nothing_waits(visitor: Client) -> None:
    assert "Nothing waits for you" in text(visitor, LIST)
    assert "Nothing was decided yet" in text(visitor, f"{LIST}?show=decided")


def test_the_navigation_counts_what_the_user_may_decide(visitor: Client, graph: Graph, bob: User) -> None:
    for _ in range(2):
        asked(graph)
    factories.share(graph, bob)
    assert '<b class="badge">2<' in text(visitor, "/graphs/")
    visitor.force_login(bob)
    assert '<b class="badge">' not in text(visitor, "/graphs/")


def test_approving_keeps_the_payload_and_tells(visitor: Client, graph: Graph, alice: User) -> None:
    approval = asked(graph)
    answer = visitor.post(page(approval), {"payload": '{\r\n  "sum": 5\r\n}', "decision": "approved"}, follow=True)
    approval.refresh_from_db()
    assert (approval.decision, approval.answer, approval.decided_by) == ("approved", {"sum": 5}, alice)
    shown = answer.content.decode()
    assert f'Approved: “Ask the boss”. <a href="/executions/{approval.execution_id}/">' in shown
    assert Execution.objects.get(pk=approval.execution_id).status == Status.QUEUED


def test_a_changed_payload_and_a_comment_are_kept(visitor: Client, graph: Graph) -> None:
    approval = asked(graph)
    send(visitor, approval, decision="rejected", payload='{"sum": 4}', comment="Too much\0")
    approval.refresh_from_db()
    assert (approval.decision, approval.answer, approval.comment) == ("rejected", {"sum": 4}, "Too much")


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ('{"sum": 4', "This is not JSON: Expecting &#x27;,&#x27; delimiter in line 1, column 10."),
        ("NaN", "This is not JSON: there is no NaN."),
        ("", "This is empty."),
        ("[" * 100_000, "This is not JSON"),
        ("1e999", "This is not JSON: 1e999 is too large a number."),
    ],
)
def test_what_is_no_json_is_explained_and_stays(visitor: Client, graph: Graph, typed: str, complaint: str) -> None:
    approval = asked(graph)
    answer = send(visitor, approval, decision="approved", payload=typed, comment="Fine <b>")
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert complaint in shown
    assert 'value="Fine &lt;b&gt;"' in shown
    assert typed.replace('"', "&quot;") in shown
    approval.refresh_from_db()
    assert approval.decided_at is None


def test_an_unknown_decision_is_explained(visitor: Client, graph: Graph) -> None:
    answer = send(visitor, asked(graph), decision="perhaps")
    assert answer.status_code == 422
    assert "Choose one of: approved, rejected." in answer.content.decode()


def test_a_step_that_may_have_happened_has_three_ways_on(visitor: Client, graph: Graph) -> None:
    approval = asked(graph, "pay", kind="outcome", payload=None, instructions="")
    shown = text(visitor, LIST)
    assert "The worker was lost while this step ran. Did it happen?" in shown
    for decision in ("happened", "repeat", "fail"):
        assert f'name="decision" value="{decision}"' in shown
    send(visitor, approval, decision="happened", payload="{}")
    approval.refresh_from_db()
    assert (approval.decision, approval.answer) == ("happened", None)
    shown = text(visitor, page(approval))
    assert ("The worker was lost" in shown, "Did it happen?" in shown, "null" in shown) == (True, False, False)


def test_repeating_a_step_does_not_ask_for_its_outputs(visitor: Client, graph: Graph) -> None:
    approval = asked(graph, "pay", kind="outcome", payload=None)
    assert send(visitor, approval, decision="repeat", payload="what?").status_code == 302


def test_outputs_that_a_step_does_not_have_are_refused(visitor: Client, graph: Graph) -> None:
    approval = asked(graph, "pay", kind="outcome", payload=None)
    answer = send(visitor, approval, decision="happened", payload='{"recipt": 1}')
    assert answer.status_code == 422
    assert "no output “recipt”" in answer.content.decode()


def test_the_second_of_two_is_told_who_was_faster(visitor: Client, graph: Graph, bob: User) -> None:
    factories.share(graph, bob, Role.RUNNER)
    approval = asked(graph)
    decide(approval, user=bob, decision="rejected")
    answer = send(visitor, approval, decision="approved", payload='{"sum": 1}', comment="Go on")
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "bob was faster: rejected" in shown
    assert "Your decision was not kept." in shown
    assert "{&quot;sum&quot;: 1}" in shown
    assert "Go on" in shown


def test_who_presses_twice_is_not_told_of_a_conflict(visitor: Client, graph: Graph) -> None:
    approval = asked(graph)
    for _ in range(2):
        assert send(visitor, approval, decision="approved").status_code == 302


def test_a_run_that_has_ended_needs_no_decision(visitor: Client, graph: Graph) -> None:
    approval = asked(graph, closed_at=timezone.now())
    answer = send(visitor, approval, decision="approved")
    assert answer.status_code == 409
    assert "The run ended before this was decided." in answer.content.decode()
    assert "Nobody decided" in text(visitor, f"{LIST}?show=decided")


def test_history_says_who_decided_what(visitor: Client, graph: Graph, bob: User) -> None:
    for number in range(12):
        decide(asked(graph), user=bob, decision="approved", payload=number, comment=f"No. {number}.")
    shown = text(visitor, LIST)
    assert ("No. 11." in shown, "No. 1." in shown, "All decided" in shown) == (True, False, True)
    everything = text(visitor, f"{LIST}?show=decided")
    assert "No. 1." in everything
    assert "bob" in everything


def test_a_decided_question_shows_what_the_run_went_on_with(visitor: Client, graph: Graph) -> None:
    approval = asked(graph)
    send(visitor, approval, decision="approved", payload='{"sum": 4}', comment="Less")
    shown = text(visitor, page(approval))
    for part in ("by alice", "Less", "&quot;sum&quot;: 4", "&quot;sum&quot;: 5"):
        assert part in shown
    assert 'name="decision"' not in shown


def test_a_decision_stays_when_the_person_has_left(visitor: Client, graph: Graph) -> None:
    approval = asked(graph, decision="approved", decided_at=timezone.now())
    for address in (page(approval), LIST):
        assert "somebody who has left" in text(visitor, address)


def test_viewers_look_and_do_not_decide(client: Client, graph: Graph, bob: User) -> None:
    approval = asked(graph)
    factories.share(graph, bob)
    client.force_login(bob)
    shown = text(client, LIST)
    assert "Only runners and editors of this graph decide." in shown
    assert 'name="decision"' not in shown
    refused = send(client, approval, decision="approved")
    assert refused.status_code == 403
    assert "This needs the role runner; yours is viewer." in refused.content.decode()


def test_strangers_find_nothing(client: Client, graph: Graph, charlie: User) -> None:
    approval = asked(graph)
    client.force_login(charlie)
    assert "Ask the boss" not in text(client, LIST)
    assert text(client, page(approval), 404)
    assert text(client, f"{LIST}?graph={graph.pk}", 404)
    assert send(client, approval, decision="approved").status_code == 404


def test_nobody_decides_without_a_login(client: Client, graph: Graph) -> None:
    approval = asked(graph)
    assert send(client, approval, decision="approved")["Location"].startswith("/accounts/login/")
    approval.refresh_from_db()
    assert approval.decided_at is None


def test_a_payload_too_large_to_change_goes_on_as_it_is(visitor: Client, graph: Graph) -> None:
    approval = asked(graph, payload={"text": "x" * 200_000})
    assert "Too large to be changed here." in text(visitor, LIST)
    visitor.post(page(approval), {"decision": "approved"})
    approval.refresh_from_db()
    assert approval.answer == {"text": "x" * 200_000}


def test_a_payload_that_nobody_touches_stays_exact(visitor: Client, graph: Graph) -> None:
    payload = {"ü": 1.0, "whole": 2**70, "nul": "a\0b", "list": []}
    approval = asked(graph, payload=payload)
    shown = visitor.get(page(approval)).context["question"].text
    send(visitor, approval, decision="approved", payload=shown.replace("\n", "\r\n"))
    approval.refresh_from_db()
    assert approval.answer == payload


def test_many_open_questions_come_in_pages_oldest_first(visitor: Client, graph: Graph) -> None:
    made = [asked(graph) for _ in range(22)]
    first = text(visitor, LIST)
    assert (page(made[0]) in first, page(made[21]) in first) == (True, False)
    second = text(visitor, f"{LIST}?after={made[19].pk}")
    assert (page(made[0]) in second, page(made[21]) in second) == (False, True)
    assert text(visitor, f"{LIST}?after=nonsense&graph={graph.pk}")
