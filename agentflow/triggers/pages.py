"""The pages of triggers: what there is, and one of them with its address, its next times and what came to it."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agentflow.accounts.profiles import profile_of
from agentflow.graphs.interface import interface
from agentflow.graphs.models import Graph, Role
from agentflow.graphs.permissions import Rank, get_graph, graphs_for
from agentflow.graphs.services import draft_spec
from agentflow.graphs.spec import GraphSpec, NodeSpec
from agentflow.graphs.views import UserRequest
from agentflow.triggers import chains, receiving, services, tokens
from agentflow.triggers.api.rows import upcoming
from agentflow.triggers.checking import TriggerRefused, asked
from agentflow.triggers.fields import InputField, input_fields, read_fields, values_of
from agentflow.triggers.forms import FORMS, ScheduleForm, TriggerForm, WebhookForm
from agentflow.triggers.models import MODELS, Addressed, Chain, Delivery, Form, Schedule, Trigger, Webhook
from agentflow.triggers.permissions import get_trigger, rank_of, triggers_for
from agentflow.triggers.starting import CannotStart
from blocks.registry import registry

#: Of each kind on the list.
MOST_LISTED = 200
DELIVERIES = 20
MOST_BODY_SHOWN = 4_000
WORDS = {"schedule": "Schedule", "webhook": "Webhook", "form": "Form", "chain": "After a graph"}
ABOUT = {
    "schedule": "Runs at times that a cron expression names.",
    "webhook": "Runs when another system sends something to an address.",
    "form": "Runs when somebody fills in a page.",
    "chain": "Runs when a run of another graph has ended.",
}
#: What a test may bring, by kind: a form has a page of its own for that.
TESTED = {"webhook": receiving.SOURCES, "chain": chains.SOURCES}


@login_required
@require_safe
def trigger_list(request: UserRequest) -> HttpResponse:
    """Triggers of every kind of the graphs that the user sees; of one graph with `?graph=`."""
    graph = _graph(request)
    found: list[Trigger] = []
    for model in MODELS.values():
        seen = triggers_for(model, request.user)
        found += seen.filter(graph=graph)[:MOST_LISTED] if graph else seen[:MOST_LISTED]
    found.sort(
        key=lambda trigger: (trigger.paused_at is None or not trigger.pause_reason, -trigger.created_at.timestamp())
    )
    editable = set(graphs_for(request.user, Role.EDITOR).values_list("pk", flat=True))
    rows = [(trigger, trigger.graph_id in editable or trigger.owner_id == request.user.pk) for trigger in found]
    context = {"rows": rows, "graph": graph, "words": WORDS, "about": ABOUT, "graphs": _editable(request)}
    return render(request, "triggers/list.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def trigger_new(request: UserRequest, kind: str) -> HttpResponse:
    """Make a trigger of a graph that the user may edit; without `?graph=` the user chooses one."""
    model = _model(kind)
    graph = _graph(request, Role.EDITOR)
    if graph is None:
        context = {"graphs": _editable(request), "kind": kind, "word": WORDS[kind], "about": ABOUT[kind]}
        return render(request, "triggers/choose.html", context)
    trigger = model(graph=graph, graph_name=graph.name, owner=request.user)
    if isinstance(trigger, Schedule):
        trigger.time_zone = profile_of(request.user).time_zone
    page = _Page(request, trigger)
    if request.method == "POST" and page.is_valid():
        try:
            made = services.create_trigger(model, graph, owner=request.user, **page.members())
        except TriggerRefused as error:
            page.take(error)
        else:
            messages.success(request, "It was made and is active.")
            return redirect("trigger", kind, made.pk)
    return page.shown(status=422 if request.method == "POST" else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def trigger_page(request: UserRequest, kind: str, pk: int) -> HttpResponse:
    """One trigger; a POST changes it."""
    role = Role.EDITOR if request.method == "POST" else Role.VIEWER
    trigger = get_trigger(_model(kind), request.user, pk, role)
    page = _Page(request, trigger)
    if request.method == "POST" and page.is_valid():
        # The form has put what was typed into the trigger that is shown; the service reads its own.
        try:
            services.change_trigger(get_trigger(_model(kind), request.user, pk), page.members(), user=request.user)
        except TriggerRefused as error:
            page.take(error)
        else:
            messages.success(request, "Saved.")
            return redirect("trigger", kind, pk)
    return page.shown(status=422 if request.method == "POST" else 200)


@login_required
@require_POST
def trigger_verb(request: UserRequest, kind: str, pk: int, verb: str) -> HttpResponse:
    """Pause, resume, renew, test or delete it."""
    role = Role.RUNNER if verb == "test" else Role.EDITOR
    trigger = get_trigger(_model(kind), request.user, pk, role)
    try:
        match verb:
            case "pause":
                services.pause_trigger(trigger, user=request.user)
                messages.success(request, "It is paused and starts nothing.")
            case "resume":
                services.resume_trigger(trigger, user=request.user)
                messages.success(request, "It is active again.")
            case "renew" if isinstance(trigger, Addressed):
                services.renew_address(trigger, user=request.user)
                messages.success(request, "It has a new address; the old one is refused.")
            case "delete":
                services.delete_trigger(trigger, user=request.user)
                messages.success(request, f"“{trigger}” was deleted. Its runs are still there.")
                return redirect("triggers")
            case "test":
                nodes = asked(trigger.graph) if trigger.graph else ()
                fields = read_fields(input_fields(nodes, trigger.inputs), request.POST, prefix="test-")
                given, _ = values_of(fields, nodes)
                return redirect("execution", services.test_trigger(trigger, user=request.user, inputs=given).pk)
            case _:
                raise Http404
    except (TriggerRefused, CannotStart) as error:
        messages.error(request, str(error))
    return redirect("trigger", kind, pk)


@login_required
@require_POST
def delivery_replay(request: UserRequest, pk: int, delivery: int) -> HttpResponse:
    """Start the graph once more with what came then, and open the run."""
    webhook = get_trigger(Webhook, request.user, pk, Role.RUNNER)
    found = Delivery.objects.select_related("webhook__owner", "webhook__graph").filter(pk=delivery, webhook=webhook)
    row = found.first()
    if row is None:
        raise Http404
    try:
        answer = receiving.replay(row)
    except receiving.Refused as error:
        messages.error(request, str(error))
        return redirect("trigger", "webhook", pk)
    if answer.execution is None:
        messages.error(request, answer.detail)
        return redirect("trigger", "webhook", pk)
    address = reverse("execution", args=[answer.execution])
    messages.success(request, format_html('It was started again. <a href="{}">Show the run</a>', address))
    return redirect("trigger", "webhook", pk)


class _Page:
    """The page of one trigger, or of one to be made."""

    def __init__(self, request: UserRequest, trigger: Trigger) -> None:
        self.request = request
        self.trigger = trigger
        self.title = str(trigger) if trigger.pk else f"New {WORDS[trigger.kind].lower()}"
        self.spec = _spec(trigger.graph) if trigger.graph else GraphSpec(name="")
        self.nodes: tuple[NodeSpec, ...] = asked(trigger.graph) if trigger.graph else ()
        self.maps = trigger.kind in TESTED
        #: Fields for what the graph is always given; of those that map, only what is set already.
        self.fields = [] if self.maps else input_fields(self.nodes, trigger.inputs)
        if isinstance(trigger, Form):
            self.fields = []
        self.mapping = dict(trigger.mapping) if isinstance(trigger, Webhook | Chain) else {}
        self.mapping_errors: dict[str, str] = {}
        self.form = self._form()
        if request.method == "POST":
            self.fields = read_fields(self.fields, request.POST)
            typed = {
                field.name: request.POST.get(f"map-{field.name}", "").strip() for field in input_fields(self.nodes)
            }
            self.mapping = {name: text for name, text in typed.items() if text}

    def _form(self) -> TriggerForm:
        made = FORMS[type(self.trigger)]
        options: dict[str, Any] = {"user": self.request.user, "instance": self.trigger}
        if made is ScheduleForm:
            options["nodes"] = self.nodes
        if made is WebhookForm:
            options["outputs"] = [port.name for port in interface(self.spec, registry()).outputs]
        return made(self.request.POST, **options) if self.request.method == "POST" else made(**options)

    def is_valid(self) -> bool:
        """Whether what was typed can be read."""
        time_input = self.request.POST.get("time_input", "")
        needed = [field for field in self.fields if field.name != time_input]
        self.values, fields = values_of(needed, self.nodes)
        self.fields = fields
        return self.form.is_valid() and not any(field.error for field in fields)

    def members(self) -> dict[str, Any]:
        """What services take."""
        found = self.form.members()
        if self.maps:
            return {**found, "mapping": self.mapping}
        return found if isinstance(self.trigger, Form) else {**found, "inputs": self.values}

    def take(self, error: TriggerRefused) -> None:
        """Show what the service says, each problem where it is."""
        for problem in error.problems:
            member, _, name = problem["pointer"].removeprefix("#/").partition("/")
            if member == "mapping" and name:
                self.mapping_errors[name] = problem["detail"]
        self.form.take(error.problems, beside=("mapping",))

    def shown(self, *, status: int) -> HttpResponse:
        """The page."""
        trigger = self.trigger
        mine = rank_of(trigger, self.request.user) if trigger.pk else Rank.EDITOR
        context = {
            "trigger": trigger,
            "title": self.title,
            "kind": str(trigger.kind),
            "word": WORDS[trigger.kind],
            "about": ABOUT[trigger.kind],
            "form": self.form,
            "fields": self.fields,
            "maps": [*self._maps()],
            "sources": TESTED.get(trigger.kind, {}),
            "may_change": mine >= Rank.EDITOR,
            "may_run": mine >= Rank.RUNNER and trigger.graph_id is not None,
            "times": upcoming(trigger) if isinstance(trigger, Schedule) and trigger.pk and status == 200 else [],
            "address": self._address() if trigger.pk and mine >= Rank.EDITOR else "",
            "has_address": isinstance(trigger, Addressed),
            "deliveries": [*_deliveries(trigger)] if isinstance(trigger, Webhook) and trigger.pk else [],
            "tests": self._tests(),
        }
        return render(self.request, "triggers/trigger.html", context, status=status)

    def _maps(self) -> Iterator[tuple[InputField, str, str]]:
        if self.maps:
            for field in input_fields(self.nodes):
                yield field, self.mapping.get(field.name, ""), self.mapping_errors.get(field.name, "")

    def _address(self) -> str:
        if not isinstance(self.trigger, Addressed):
            return ""
        token = tokens.token(self.trigger)
        route = "hook" if isinstance(self.trigger, Webhook) else "form"
        return self.request.build_absolute_uri(reverse(route, args=[token])) if token else ""

    def _tests(self) -> Sequence[InputField]:
        return input_fields(self.nodes, self.trigger.inputs) if self.maps and self.trigger.pk else []


def _deliveries(webhook: Webhook) -> Iterator[dict[str, Any]]:
    for row in webhook.deliveries.all()[:DELIVERIES]:
        body = None if row.body is None else bytes(row.body)
        yield {
            "row": row,
            "body": (body or b"")[:MOST_BODY_SHOWN].decode(errors="replace"),
            "is_cut": body is not None and len(body) > MOST_BODY_SHOWN,
            "is_kept": body is not None,
        }


def _spec(graph: Graph) -> GraphSpec:
    return GraphSpec.from_json(graph.published.spec) if graph.published else draft_spec(graph)


def _model(kind: str) -> type[Any]:
    if kind not in MODELS:
        raise Http404
    return MODELS[kind]


def _graph(request: UserRequest, role: str = Role.VIEWER) -> Graph | None:
    """The graph that the address names."""
    text = request.GET.get("graph", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    return get_graph(request.user, int(text), role)


def _editable(request: UserRequest) -> Any:
    return graphs_for(request.user, Role.EDITOR).order_by("name")[:MOST_LISTED]
