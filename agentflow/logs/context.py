"""What a log line is about. Saying so costs a fraction of a microsecond; it is only looked at when a line is written."""

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest


class Subject(NamedTuple):
    """What a task or thread works on."""

    execution: UUID | str | None = None
    graph: int | None = None
    #: Id of the user for whom.
    user: int | None = None


NOTHING = Subject()

_subject: ContextVar[Subject] = ContextVar("agentflow_subject", default=NOTHING)
_node: ContextVar[str] = ContextVar("agentflow_node", default="")
request_of_task: ContextVar[HttpRequest | None] = ContextVar("agentflow_request", default=None)
#: What all lines of this process are about: {"worker": name}.
_process: dict[str, str] = {}


def work_on(subject: Subject, node: str = "") -> None:
    """From here on this task, and what it starts, is about this."""
    _subject.set(subject)
    _node.set(node)


def name_process(**names: str) -> None:
    """Every line of this process says so."""
    _process.update(names)


def add_context(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor; what the line says itself stays."""
    for name, value in _process.items():
        line.setdefault(name, value)
    execution, graph, user = _subject.get()
    _add(line, execution=execution and str(execution), graph=graph, user=user, node=_node.get() or None)
    # Django tells of its refusals when the request has left all middlewares, and names it.
    request = getattr(line.get("_record"), "request", None) or request_of_task.get()
    if isinstance(request, HttpRequest):
        _add(line, request=request.META.get("agentflow.request_id"), user=_known_user(request))
    return line


def _add(line: MutableMapping[str, Any], **found: Any) -> None:
    for name, value in found.items():
        if value is not None:
            line.setdefault(name, value)


def _known_user(request: HttpRequest) -> Any:
    """The user's id, unless nobody has asked yet: for a line nobody is looked up."""
    user = vars(request).get("user")
    return getattr(getattr(user, "_wrapped", user), "pk", None)
