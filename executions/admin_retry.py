"""Retrying from the failed nodes in the admin: for one execution after a look, or for many at once."""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from executions.engine.status import Status
from executions.models import Execution
from executions.rerun import retry_execution
from executions.starting import StartRefused

#: Executions that one action takes on.
MOST_AT_ONCE = 100
#: Refusals that are told one by one.
MOST_TOLD = 5
#: There is something to take up.
RETRIED = (Status.FAILED, Status.CANCELLED)


class Retrying:
    """The action and the page of `ExecutionAdmin`."""

    @admin.action(description="Retry the selected executions from the failed nodes", permissions=["operate"])
    def retry(self: Any, request: HttpRequest, queryset: QuerySet[Execution]) -> None:
        """Start each that failed or was cancelled again; what it completed is kept."""
        started, refused = 0, []
        for run in queryset.filter(status__in=RETRIED)[:MOST_AT_ONCE]:
            try:
                retry_execution(run, user=cast(User, request.user))
                started += 1
            except StartRefused as error:
                refused.append(f"{f'{run.pk}'[:13]}: {sentences(error)}")
        self.message_user(request, f"Started {started}. Those that neither failed nor were cancelled are left out.")
        for line in refused[:MOST_TOLD]:
            self.message_user(request, line, level=messages.WARNING)
        if len(refused) > MOST_TOLD:
            more = len(refused) - MOST_TOLD
            self.message_user(request, f"{more} more could not be started.", level=messages.WARNING)

    def get_urls(self: Any) -> list[URLPattern]:
        """Also the page that retries one execution."""
        view = self.admin_site.admin_view(self.retry_view)
        return [
            path("<uuid:id>/retry/", view, name="executions_execution_retry"),
            *super().get_urls(),  # type: ignore[misc]  # the admin's
        ]

    def retry_view(self: Any, request: HttpRequest, id: UUID) -> HttpResponse:
        """Say what will happen; a POST does it. Steps that must happen only once are asked for by name."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        run = self.get_object(request, str(id))
        if run is None:
            raise Http404
        problems: Iterable[dict[str, Any]] = ()
        if request.method == "POST":
            try:
                made = retry_execution(
                    run, user=cast(User, request.user), repeat_once=request.POST.get("repeat_once") == "on"
                )
            except StartRefused as error:
                problems = error.problems
            else:
                self.message_user(request, f"Started as {made.pk}.")
                return HttpResponseRedirect(reverse("admin:executions_execution_change", args=[made.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": "Retry from the failed nodes",
            "run": run,
            "opts": self.opts,
            "problems": problems,
            "is_repeat": any(problem.get("code") == "repeats_once" for problem in problems),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/executions/execution/retry.html", context)


def sentences(error: StartRefused) -> str:
    """Why a start was refused."""
    return " ".join(problem["detail"] for problem in error.problems)
