"""What the pages of approvals show and take: payloads as JSON text to look at and to change."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isinf
from typing import Any, NoReturn

from django.contrib.auth.models import User
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Left

from agentflow.graphs.models import Role
from agentflow.graphs.permissions import graphs_for
from agentflow.graphs.ports import ports_of
from agentflow.graphs.spec import GraphSpec
from blocks.registry import registry
from executions.approvals import UNCHANGED
from executions.asked import STATES, titled, visible
from executions.models import Approval

#: Characters of a payload that can be changed on a page; a longer one is shown in part.
MOST_CHARACTERS = 100_000
#: Open questions that the navigation counts.
MOST_COUNTED = 99
#: Decisions for which what is in the payload's field matters.
WITH_PAYLOAD = ("approved", "rejected", "happened")


class NoJson(Exception):
    """Why a text is no JSON."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody has typed, and what is wrong with it, by field."""

    payload: str = ""
    comment: str = ""
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what its card shows."""

    asked: Any
    #: Its payload, indented; what was typed instead after a mistake.
    text: str
    is_cut: bool
    may_decide: bool
    #: The payload as it was decided, if it was changed.
    answer: str = ""
    #: Of a step that may have happened: the names of its outputs.
    outputs: Sequence[str] = ()
    typed: Typed = Typed()

    @property
    def lines(self) -> int:
        """Height of the field."""
        return min(max(self.text.count("\n") + 1, 3), 18)


def questions(rows: QuerySet[Approval]) -> QuerySet[Approval]:
    """The rows with what a card shows; payloads are cut by the database."""
    cut = {f"{name}_text": Left(Cast(name, TextField()), MOST_CHARACTERS + 1) for name in ("payload", "answer")}
    related = ("execution__graph", "node_execution", "decided_by")
    columns = (
        *("id", "kind", "instructions", "created_at", "decision", "comment", "decided_at", "closed_at"),
        *("execution__graph__name", "execution__version_id", "node_execution__node", "node_execution__path"),
        *("decided_by__username", "decided_by__first_name", "decided_by__last_name"),
    )
    return titled(rows).select_related(*related).only(*columns).annotate(**cut)


def cards(user: User, rows: Iterable[Any]) -> list[Question]:
    """The cards of these `questions`."""
    found = list(rows)
    graphs = {row.execution.graph_id for row in found}
    runnable = set(graphs_for(user, Role.RUNNER).filter(pk__in=graphs).values_list("pk", flat=True))
    return [_card(row, may_decide=row.execution.graph_id in runnable) for row in found]


def count_open(user: User) -> int:
    """Questions that the user may decide now, at most one more than `MOST_COUNTED`."""
    found = visible(user, Role.RUNNER).filter(STATES["open"]).order_by()
    return found[: MOST_COUNTED + 1].count()


def payload_of(question: Question, typed: str, decision: str) -> Any:
    """What was typed as a value; `UNCHANGED` if it is what was asked, or of no matter for the decision.

    Raises:
        NoJson: it is no JSON.
    """
    text = typed.replace("\r\n", "\n").strip()
    if question.is_cut or decision not in WITH_PAYLOAD or text == question.text:
        return UNCHANGED
    if not text:
        raise NoJson('This is empty. Write null for no value, or "" for an empty text.')
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise NoJson(f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from None
    except (ValueError, RecursionError) as error:
        raise NoJson(f"This is not JSON: {error}.") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"there is no {name}")


def _finite(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise ValueError(f"{digits} is too large a number")
    return number


def _card(row: Any, *, may_decide: bool) -> Question:
    is_outcome, is_open = row.kind == Approval.Kind.OUTCOME, not (row.decided_at or row.closed_at)
    text, is_cut = ("{}", False) if is_outcome and is_open else _shown(row.payload_text)
    answer = _shown(row.answer_text)[0]
    return Question(
        asked=row,
        text=text,
        is_cut=is_cut,
        may_decide=may_decide and is_open,
        answer=answer if row.decided_at and answer != text else "",
        outputs=_outputs(row) if is_outcome and is_open else (),
    )


def _shown(stored: str | None) -> tuple[str, bool]:
    """JSON text as people read it, and whether it is only the beginning."""
    if stored is None:
        return "null", False
    if len(stored) > MOST_CHARACTERS:
        return stored[:MOST_CHARACTERS], True
    return json.dumps(json.loads(stored), indent=2, ensure_ascii=False), False


def _outputs(row: Any) -> list[str]:
    """Names of the ports of the step that may have happened."""
    spec = GraphSpec.from_json(row.execution.version.spec)
    node = next((node for node in spec.nodes if node.key == row.node_execution.node), None)
    ports = node and ports_of(node, registry())
    return [port.name for port in ports.outputs] if ports else []
