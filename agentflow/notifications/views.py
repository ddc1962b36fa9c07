"""What a person was told, and how they want to be told."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from agentflow.accounts import audit
from agentflow.graphs.permissions import graphs_for
from agentflow.graphs.views import UserRequest
from agentflow.notifications import services
from agentflow.notifications.channels import is_mail_set_up
from agentflow.notifications.counting import unread
from agentflow.notifications.forms import ChannelForm, TargetForm
from agentflow.notifications.kinds import Way
from agentflow.notifications.models import Channel, Delivery, Notification, Rule
from agentflow.notifications.opting_out import mute, read_token, stop_all

PER_PAGE = 50
#: Under the bell on the canvas, and deliveries shown for a channel.
FEW = 8


@login_required
@require_safe
def notification_list(request: UserRequest) -> HttpResponse:
    """What the bell shows, newest first."""
    rows = services.told(request.user).select_related("graph")
    only_unread = request.GET.get("show") == "unread"
    if only_unread:
        rows = rows.filter(read_at=None)
    before = _id(request.GET.get("before", ""))
    last = services.told(request.user).filter(pk=before).first() if before else None
    if last is not None:
        rows = rows.filter(happened_at__lt=last.happened_at)
    page = list(rows[: PER_PAGE + 1])
    older = page[PER_PAGE - 1].pk if len(page) > PER_PAGE else None
    context = {"page": page[:PER_PAGE], "older": older, "is_first": last is None, "only_unread": only_unread}
    return render(request, "notifications/list.html", context | {"unread": unread(request.user)})


@login_required
@never_cache
@require_GET
def notification_open(request: UserRequest, notification_id: UUID) -> HttpResponse:
    """Mark it as read and show what it is about."""
    row = get_object_or_404(Notification, pk=notification_id, user=request.user)
    services.mark_read(request.user, [row.pk])
    return redirect(row.path or "notifications")


@login_required
@require_POST
def notification_read(request: UserRequest) -> HttpResponse:
    """Mark one, or all, as read."""
    chosen = _id(request.POST.get("id", ""))
    services.mark_read(request.user, [chosen] if chosen else None)
    return redirect("notifications")


@never_cache
@require_GET
def unread_count(request: HttpRequest) -> HttpResponse:
    """For the bell: how many are unread, and the newest few."""
    if not request.user.is_authenticated:
        return JsonResponse({"unread": 0, "newest": []})
    newest = services.told(request.user).filter(read_at=None).values("id", "kind", "title", "happened_at")[:FEW]
    return JsonResponse({"unread": unread(request.user), "newest": list(newest)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: UserRequest) -> HttpResponse:
    """The channels; a POST adds a target."""
    form = TargetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            channel = services.add_target(request.user, **form.cleaned_data)
        except services.NotificationRefused as error:
            form.add_error("url", str(error))
        else:
            audit.record(request.user, "created", channel, request=request)
            messages.success(request, f"“{channel.name}” was added. Press Test to see whether it works.")
            return redirect("notification-preferences")
    channels = services.own_channels(request.user)
    rules = Rule.objects.filter(channel__user=request.user, graph__in=graphs_for(request.user))
    context = {
        "cards": [_card(channel) for channel in channels],
        "target_form": form,
        "rules": rules.select_related("channel", "graph").order_by("graph__name", "id"),
        "has_mail": is_mail_set_up(),
        "graphs": graphs_for(request.user).order_by("name")[:200],
    }
    return render(request, "notifications/preferences.html", context)


@login_required
@require_POST
def channel_change(request: UserRequest, channel_id: UUID) -> HttpResponse:
    """Change what a channel tells, switch it off or on."""
    channel = _channel(request, channel_id)
    if "is_on" in request.POST:
        is_on = request.POST["is_on"] == "1"
        services.change_channel(channel, {"is_on": is_on})
        messages.success(request, f"“{channel.name}” is {'on' if is_on else 'off'}.")
        return redirect("notification-preferences")
    form = ChannelForm(request.POST, channel=channel)
    if form.is_valid():
        services.change_channel(channel, form.cleaned_data)
        messages.success(request, f"“{channel.name}” was saved.")
    else:
        messages.error(request, f"“{channel.name}” was not saved.")
    return redirect("notification-preferences")


@login_required
@require_POST
def channel_test(request: UserRequest, channel_id: UUID) -> HttpResponse:
    """Send a test."""
    channel = _channel(request, channel_id)
    services.try_channel(channel)
    messages.success(
        request, f"A test is on its way to “{channel.name}”. What became of it is shown below its settings."
    )
    return redirect("notification-preferences")


@login_required
@require_POST
def channel_delete(request: UserRequest, channel_id: UUID) -> HttpResponse:
    """Delete a target."""
    channel = _channel(request, channel_id)
    if channel.way != Way.APPRISE:
        raise Http404
    audit.record(request.user, "deleted", channel, request=request)
    channel.delete()
    messages.success(request, f"“{channel.name}” was deleted.")
    return redirect("notification-preferences")


@login_required
@require_POST
def rule_delete(request: UserRequest, rule_id: int) -> HttpResponse:
    """Back to what the channel says for all graphs."""
    get_object_or_404(Rule, pk=rule_id, channel__user=request.user).delete()
    return redirect("notification-preferences")


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def opt_out(request: HttpRequest, token: str) -> HttpResponse:
    """From a mail, without a login: GET asks, because programs follow links; POST stops, also from a mail program."""
    found = read_token(token)
    if found is None:
        return render(request, "notifications/opt_out.html", {"is_known": False}, status=404)
    done = ""
    if request.method == "POST":
        if request.POST.get("what") == "graph" and found.graph is not None:
            mute(found.channel, found.graph)
            done = "graph"
        else:
            stop_all(found.channel)
            done = "all"
    context = {"is_known": True, "channel": found.channel, "graph": found.graph, "done": done}
    return render(request, "notifications/opt_out.html", context)


def _card(channel: Channel) -> dict[str, object]:
    recent = Delivery.objects.filter(channel=channel).select_related("notification").order_by("-id")[:5]
    return {"channel": channel, "form": ChannelForm(channel=channel), "recent": list(recent)}


def _channel(request: UserRequest, id: UUID) -> Channel:
    return get_object_or_404(Channel.objects.select_related("user"), pk=id, user=request.user)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
