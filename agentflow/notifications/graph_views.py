"""The page of one graph's notifications: what I am told of it, when it is late, who is called when its runs end."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from agentflow.accounts import audit
from agentflow.graphs.models import Graph, Role
from agentflow.graphs.permissions import Rank, get_graph, graphs_for, role_rank
from agentflow.graphs.views import UserRequest
from agentflow.notifications import hooks, services
from agentflow.notifications.forms import HookForm, WatchForm
from agentflow.notifications.kinds import ALL, CHOICES
from agentflow.notifications.lateness import set_limits
from agentflow.notifications.models import GraphWatch, Hook, HookCall, Rule

CALLS_SHOWN = 10


@login_required
@never_cache
@require_safe
def graph_notifications(request: UserRequest, graph_id: int) -> HttpResponse:
    """All of it."""
    return _page(request, get_graph(request.user, graph_id))


@login_required
@require_POST
def graph_rules(request: UserRequest, graph_id: int) -> HttpResponse:
    """What each of my channels tells of this graph."""
    graph = get_graph(request.user, graph_id)
    for channel in services.own_channels(request.user):
        if request.POST.get(f"{channel.pk}-own") == "1":
            kinds = [kind for kind in request.POST.getlist(f"{channel.pk}-kinds") if kind in ALL]
            is_manual = request.POST.get(f"{channel.pk}-manual") == "1"
            services.set_rule(channel, graph, kinds=kinds, includes_manual=is_manual)
        else:
            Rule.objects.filter(channel=channel, graph=graph).delete()
    messages.success(request, "Saved.")
    return redirect("graph-notifications", graph.pk)


@login_required
@require_POST
def graph_lateness(request: UserRequest, graph_id: int) -> HttpResponse:
    """When the graph's runs are late."""
    graph = get_graph(request.user, graph_id, Role.EDITOR)
    form = WatchForm(request.POST, instance=GraphWatch(graph=graph))
    if not form.is_valid():
        return _page(request, graph, watch=form, status=422)
    set_limits(graph, **form.cleaned_data)
    audit.record(request.user, "changed", graph, detail={"what": "lateness"}, request=request)
    messages.success(request, "Saved.")
    return redirect("graph-notifications", graph.pk)


@login_required
@never_cache
@require_POST
def hook_add(request: UserRequest, graph_id: int) -> HttpResponse:
    """Add a hook; its secret is shown this once."""
    graph = get_graph(request.user, graph_id, Role.EDITOR)
    form = HookForm(request.POST)
    if form.is_valid():
        try:
            hook, secret = services.add_hook(graph, user=request.user, **form.cleaned_data)
        except services.NotificationRefused as error:
            form.add_error("url", str(error))
        else:
            audit.record(request.user, "created", hook, request=request)
            return _page(request, graph, secret=secret, made=hook)
    return _page(request, graph, hook_form=form, status=422)


@login_required
@never_cache
@require_POST
def hook_change(request: UserRequest, hook_id: UUID, what: str) -> HttpResponse:
    """Test a hook, switch it, give it a new secret, delete it."""
    hook = _hook(request, hook_id)
    if what == "test":
        hooks.try_hook(hook)
        messages.success(request, "A test call is on its way. What became of it is shown below.")
    elif what == "secret":
        secret = hooks.renew_secret(hook)
        hook.save(update_fields=["sealed", "key"])
        audit.record(request.user, "changed", hook, detail={"members": ["secret"]}, request=request)
        return _page(request, get_graph(request.user, hook.graph_id), secret=secret, made=hook)
    elif what in ("on", "off"):
        services.change_hook(hook, {"is_on": what == "on"})
    elif what == "delete":
        audit.record(request.user, "deleted", hook, request=request)
        services.delete_hook(hook)
        messages.success(request, "The hook was deleted.")
    else:
        raise Http404
    return redirect("graph-notifications", hook.graph_id)


@login_required
@require_POST
def call_repeat(request: UserRequest, call_id: UUID) -> HttpResponse:
    """Make a call again."""
    call = HookCall.objects.select_related("hook").filter(pk=call_id).first()
    if call is None:
        raise Http404
    hook = _hook(request, call.hook_id)
    hooks.repeat(call)
    messages.success(request, "It is called again.")
    return redirect("graph-notifications", hook.graph_id)


def _hook(request: UserRequest, id: UUID) -> Hook:
    graphs = graphs_for(request.user, Role.EDITOR)
    hook = Hook.objects.select_related("graph").filter(pk=id, graph__in=graphs).first()
    if hook is None:
        raise Http404
    return hook


def _page(
    request: UserRequest,
    graph: Graph,
    *,
    watch: WatchForm | None = None,
    hook_form: HookForm | None = None,
    secret: str = "",
    made: Hook | None = None,
    status: int = 200,
) -> HttpResponse:
    rules = {rule.channel_id: rule for rule in Rule.objects.filter(channel__user=request.user, graph=graph)}
    may_edit = role_rank(graph) >= Rank.EDITOR
    row = GraphWatch.objects.filter(graph=graph).first() or GraphWatch(graph=graph)
    calls = HookCall.objects.filter(hook__graph=graph).defer("body").select_related("hook")
    context = {
        "graph": graph,
        "may_edit": may_edit,
        "channels": [(channel, rules.get(channel.pk)) for channel in services.own_channels(request.user)],
        "kinds": CHOICES,
        "watch": row,
        "watch_form": watch or WatchForm(instance=row),
        "hooks": Hook.objects.filter(graph=graph) if may_edit else [],
        "calls": calls[:CALLS_SHOWN] if may_edit else [],
        "hook_form": hook_form or HookForm(),
        "secret": secret,
        "made": made,
    }
    return render(request, "notifications/graph.html", context, status=status)
