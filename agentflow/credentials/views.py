"""The pages of credentials: list, make, change, share, test, connect, delete."""

from dataclasses import asdict
from secrets import compare_digest
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group, User
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from agentflow.accounts import audit
from agentflow.accounts.access import groups_of, role_name
from agentflow.accounts.models import GroupRole
from agentflow.credentials import services, sharing
from agentflow.credentials.forms import CredentialForm
from agentflow.credentials.kinds import KINDS, OAUTH2
from agentflow.credentials.models import Credential
from agentflow.credentials.permissions import credentials_for, get_credential, is_owner
from agentflow.credentials.reading import CredentialRefused
from agentflow.credentials.testing import try_out
from agentflow.credentials.usage import graphs_by_credential, graphs_using
from agentflow.graphs.models import Role
from blocks.base import BlockError

#: In the session: the authorisation that a person was sent away for.
PENDING = "credentials.authorisation"
MOST_LISTED = 500


class Request(HttpRequest):
    """A request behind `login_required`."""

    user: User


@login_required
def credential_list(request: Request) -> HttpResponse:
    """Credentials that the user may see."""
    found = list(credentials_for(request.user).select_related("owner", "group").defer("sealed")[:MOST_LISTED])
    used = graphs_by_credential(found)
    rows = [(credential, role_name(credential), len(used[credential.pk])) for credential in found]
    return render(request, "credentials/list.html", {"rows": rows, "kinds": KINDS.values()})


@login_required
@never_cache
def credential_new(request: Request, kind: str) -> HttpResponse:
    """Make one of a kind."""
    if kind not in KINDS:
        raise Http404
    form = CredentialForm(KINDS[kind], request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.make_credential(owner=request.user, kind=kind, **form.wanted())
        except CredentialRefused as error:
            form.refuse(error.problems)
        else:
            messages.success(request, f"“{made.name}” was made. Choose it in the settings of a step.")
            return redirect("credential", made.pk)
    context = {"form": form, "kind": KINDS[kind], "redirect_uri": _redirect_uri(request)}
    return render(request, "credentials/new.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
def credential(request: Request, id: UUID) -> HttpResponse:
    """One credential: its settings, who uses it where, whom it is shared with."""
    found = get_credential(request.user, id)
    form = CredentialForm(KINDS[found.kind], credential=found)
    if request.method == "POST":
        get_credential(request.user, id, "editor")
        form = CredentialForm(KINDS[found.kind], request.POST, credential=found)
        if form.is_valid() and _changed(request, found, form):
            return redirect("credential", id)
    return _page(request, found, form)


@login_required
@require_POST
def credential_test(request: Request, id: UUID) -> HttpResponse:
    """Use it once and say what the other side says."""
    found = get_credential(request.user, id, "runner")
    audit.record(request.user, "tested", found)
    tried = try_out(found)
    (messages.success if tried.works else messages.error)(request, tried.detail)
    return redirect("credential", id)


@login_required
@require_POST
def credential_share(request: Request, id: UUID) -> HttpResponse:
    """Share with one of the user's groups; with an empty role stop sharing."""
    found = get_credential(request.user, id, "owner")
    role = request.POST.get("role", "")
    known = Q(pk__in=groups_of(request.user)) | Q(pk__in=found.shares.values("group"))
    group = get_object_or_404(Group.objects.filter(known), pk=_number(request.POST.get("group")))
    if role in Role.values:
        sharing.share(found, group=group, role=role, by=request.user)
        messages.success(request, f"Shared with {group.name}. Nobody there can read its secrets.")
    else:
        sharing.unshare(found, group=group, by=request.user)
        messages.success(request, f"“{found.name}” is not shared with {group.name} any more.")
    return redirect("credential", id)


@login_required
@require_POST
def credential_give(request: Request, id: UUID) -> HttpResponse:
    """Have a group own it together with its owner, or nobody but the owner."""
    found = get_credential(request.user, id, "owner")
    wanted = request.POST.get("group", "")
    mine = groups_of(request.user, GroupRole.EDITOR)
    group = get_object_or_404(mine, pk=_number(wanted)) if wanted else None
    sharing.give_to_group(found, group=group, by=request.user)
    messages.success(request, f"“{found.name}” belongs to {group.name if group else 'its owner alone'}.")
    still_seen = credentials_for(request.user).filter(pk=id).exists()
    return redirect("credential", id) if still_seen else redirect("credentials")


@login_required
@require_POST
def credential_delete(request: Request, id: UUID) -> HttpResponse:
    """Delete it."""
    found = get_credential(request.user, id, "owner")
    services.delete_credential(found, by=request.user)
    messages.success(request, f"“{found.name}” was deleted.")
    return redirect("credentials")


@login_required
@never_cache
@require_POST
def credential_connect(request: Request, id: UUID) -> HttpResponse:
    """Send the person to the provider; the session remembers what for.

    By a page, because browsers follow no redirect of a form to where `form-action` does not allow.
    """
    from agentflow.credentials.oauth import authorisation

    found = get_credential(request.user, id, "editor")
    if found.kind != OAUTH2.id:
        raise Http404
    url, wanted = authorisation(found, _redirect_uri(request))
    request.session[PENDING] = asdict(wanted)
    return render(request, "credentials/connect.html", {"credential": found, "url": url})


@login_required
@never_cache
def credential_callback(request: Request) -> HttpResponse:
    """The provider has sent the person back; only what this session asked for is taken, and only once."""
    from agentflow.credentials import oauth

    pending = request.session.pop(PENDING, None)
    if pending is None or not compare_digest(pending["state"].encode(), request.GET.get("state", "").encode()):
        messages.error(request, "This answer of a provider was not asked for here, or was used already.")
        return redirect("credentials")
    wanted = oauth.Request(**pending)
    found = get_credential(request.user, UUID(wanted.credential), "editor")
    try:
        if error := request.GET.get("error"):
            raise oauth.NotGranted(f"The provider says: {request.GET.get('error_description') or error}"[:500])
        oauth.take_code(found, wanted, request.GET.get("code", ""))
    except (oauth.NotGranted, BlockError) as refusal:
        messages.error(request, str(refusal))
    else:
        audit.record(request.user, "connected", found)
        messages.success(request, f"“{found.name}” is connected.")
    return redirect("credential", found.pk)


def _changed(request: Request, found: Credential, form: CredentialForm) -> bool:
    try:
        wanted = form.wanted()
        if not form.kind.has_hosts:
            wanted["hosts"] = None
        services.change_credential(found, by=request.user, is_owner=is_owner(found), **wanted)
    except CredentialRefused as error:
        form.refuse(error.problems)
        return False
    messages.success(request, "Saved.")
    return True


def _page(request: Request, found: Credential, form: CredentialForm) -> HttpResponse:
    graphs, others = graphs_using(found, request.user)
    shares = found.shares.select_related("group").order_by("group__name")
    role = role_name(found)
    context = {
        "credential": found,
        "kind": form.kind,
        "form": form,
        "role": role,
        "may_use": role != "viewer",
        "may_edit": role in ("editor", "owner"),
        "graphs": graphs,
        "others": others,
        "shares": shares,
        "roles": ROLES,
        "groups": groups_of(request.user).exclude(pk__in=shares.values("group")).order_by("name"),
        "own": groups_of(request.user, GroupRole.EDITOR).order_by("name"),
        "redirect_uri": _redirect_uri(request),
    }
    return render(request, "credentials/detail.html", context, status=422 if form.errors else 200)


#: What a share lets a group do, the usual first.
ROLES = [(Role.RUNNER.value, "use it"), (Role.EDITOR.value, "use and change it"), (Role.VIEWER.value, "see it")]


def _redirect_uri(request: Request) -> str:
    return request.build_absolute_uri(reverse("credential-callback"))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
