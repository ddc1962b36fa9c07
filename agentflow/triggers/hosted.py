"""`/forms/<token>/`: a page that asks for a graph's inputs, starts it, and shows what it gave."""

from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from agentflow.api.throttling import Buckets
from agentflow.triggers import tokens
from agentflow.triggers.checking import asked
from agentflow.triggers.clock import now
from agentflow.triggers.fields import InputField, input_fields, read_fields, shown_text, values_of
from agentflow.triggers.models import Form
from agentflow.triggers.pausing import pause
from agentflow.triggers.starting import CannotStart, IdempotencyConflict, start
from executions.engine.status import FINAL, Status
from executions.models import Execution

#: Of one address, whatever the form allows all together: so many at once, then one every few seconds.
people = Buckets(rate=1 / 5, burst=10)
#: How long whoever sent the form may look at what became of it.
RESULT_SECONDS = 7 * 86_400
MOST_OUTPUT = 20_000
PAUSED = "This form takes nothing just now."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, token: str) -> HttpResponse:
    """The form; a POST starts the graph, once for each page that was loaded."""
    found = _found(token)
    if refused := _refused(request, found):
        return refused
    if found.paused_at is not None or found.graph is None:
        return _page(request, found, [], problem=PAUSED, status=503)
    nodes = asked(found.graph)
    fields = input_fields(nodes, without=found.inputs)
    if request.method != "POST":
        return _page(request, found, fields)
    if wait := _too_many(request, found):
        response = _page(request, found, read_fields(fields, request.POST), problem=_slow(wait), status=429)
        response["Retry-After"] = str(int(wait) + 1)
        return response
    values, fields = values_of(read_fields(fields, request.POST), nodes)
    if any(field.error for field in fields):
        return _page(request, found, fields, problem="Some fields need another look.", status=422)
    return _send(request, found, token, fields, values)


@never_cache
@require_safe
def result(request: HttpRequest, token: str, signed: str) -> HttpResponse:
    """What became of a form that was sent; only its sender has this address."""
    found = _found(token)
    if refused := _refused(request, found):
        return refused
    try:
        execution = UUID(signing.loads(signed, salt=_salt(found), max_age=RESULT_SECONDS))
    except (signing.BadSignature, ValueError, TypeError):
        raise Http404 from None
    run = Execution.objects.only("status", "outputs", "created_at", "ended_at").filter(pk=execution).first()
    if run is None:
        raise Http404
    is_over = run.status in FINAL
    outputs = run.outputs if is_over and found.shows_outputs and run.status == Status.COMPLETED else None
    context = {"form": found, "run": run, "is_over": is_over, "outputs": _shown(outputs or {})}
    return render(request, "triggers/result.html", context)


def _found(token: str) -> Form:
    rows = Form.objects.select_related("owner", "graph__published")
    found = rows.filter(digest=tokens.digest(token)).first()
    if found is None:
        raise Http404
    return found


def _refused(request: HttpRequest, found: Form) -> HttpResponse | None:
    """A way to log in for a form that is not for everybody."""
    if found.is_public or request.user.is_authenticated:
        return None
    return redirect_to_login(request.get_full_path())


def _send(
    request: HttpRequest, found: Form, token: str, fields: list[InputField], values: dict[str, Any]
) -> HttpResponse:
    key = f"submission:{_submission(request)}"
    try:
        with transaction.atomic():
            execution = start(found, values, key=key)
            Form.objects.filter(pk=found.pk).update(last_started_at=now(), last_execution=execution.pk)
    except CannotStart as error:
        if error.is_lasting:
            _pause(found, str(error))
            return _page(request, found, fields, problem=PAUSED, status=503)
        return _page(request, found, fields, problem=str(error), status=422)
    except IdempotencyConflict:
        return _page(request, found, fields, problem="This was sent already.", status=409)
    return redirect("form-result", token, signing.dumps(str(execution.pk), salt=_salt(found)))


def _pause(found: Form, reason: str) -> None:
    with transaction.atomic():
        locked = Form.objects.select_for_update(of=("self",)).select_related("owner", "graph").get(pk=found.pk)
        if locked.paused_at is None:
            pause(locked, reason=reason)


def _page(
    request: HttpRequest, found: Form, fields: list[InputField], *, problem: str = "", status: int = 200
) -> HttpResponse:
    submission = uuid4() if status in (200, 409) else _submission(request)
    context = {"form": found, "fields": fields, "problem": problem, "submission": submission}
    return render(request, "triggers/form.html", context, status=status)


def _submission(request: HttpRequest) -> UUID:
    """What names the page that was loaded; a browser that sends it twice starts one run."""
    try:
        return UUID(request.POST.get("submission", ""))
    except ValueError:
        return uuid4()


def _too_many(request: HttpRequest, found: Form) -> float:
    """Seconds to wait."""
    caller = f"{found.pk} {request.META.get('REMOTE_ADDR')}"
    if request.user.is_authenticated:
        caller = f"{found.pk} user {request.user.pk}"
    return people.take(caller) or _together(found.most_per_minute).take(str(found.pk))


@lru_cache(maxsize=200)
def _together(per_minute: int) -> Buckets:
    return Buckets(rate=per_minute / 60, burst=per_minute)


def _slow(seconds: float) -> str:
    return f"Too many at once. Try again in {int(seconds) + 1} s; what you typed is still here."


def _salt(found: Form) -> str:
    return f"agentflow form {found.pk}"


def _shown(outputs: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values as text."""
    return [(name, shown_text(value)[:MOST_OUTPUT]) for name, value in outputs.items()]
