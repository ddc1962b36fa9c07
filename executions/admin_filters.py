"""What the admin's lists of executions are narrowed by: ranges of an index, never counted."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from executions.asked import STATES
from executions.engine.status import ACTIVE, Status
from executions.ids import uuid7_floor

TRIGGERS = ("manual", "api", "rerun", "retry", "schedule", "webhook", "form", "graph")
HEX_DIGITS = frozenset("0123456789abcdef")
#: Shorter ones are taken for a name.
SHORTEST_PREFIX = 8


class StatusFilter(admin.SimpleListFilter):
    """By status, or all that are not over."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        names = [(status.value, status.value.capitalize()) for status in Status if status is not Status.SKIPPED]
        return [("active", "Not over"), *names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the chosen status."""
        chosen = self.value()
        if chosen == "active":
            return queryset.filter(status__in=sorted(ACTIVE))
        return queryset.filter(status=chosen) if chosen else queryset


class TriggerFilter(admin.SimpleListFilter):
    """By what started it."""

    title = "trigger"
    parameter_name = "trigger"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices; not read from the table, which would read all of it."""
        return [(name, name.capitalize()) for name in TRIGGERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with the chosen trigger."""
        return queryset.filter(trigger=self.value()) if self.value() else queryset


class ApprovalStateFilter(admin.SimpleListFilter):
    """By where a question stands."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("open", "Open"), ("decided", "Decided"), ("closed", "The run ended first")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The questions that stand there."""
        chosen = STATES.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


class CreatedFilter(admin.SimpleListFilter):
    """By age: ids sort by time, so a day is a range of the primary key."""

    title = "created"
    parameter_name = "created"
    days = {"today": 0, "week": 7, "month": 30}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("today", "Today"), ("week", "Past 7 days"), ("month", "Past 30 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows since then."""
        days = self.days.get(self.value() or "")
        return queryset if days is None else queryset.filter(pk__gte=uuid7_floor(_midnight() - timedelta(days=days)))


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def id_prefix(term: str, column: str = "pk") -> Q | None:
    """The ids that start with this text, as a range; None when it does not look like the start of an id."""
    digits = term.strip().lower().replace("-", "")
    if not SHORTEST_PREFIX <= len(digits) <= 32 or not HEX_DIGITS.issuperset(digits):
        return None
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    return Q((f"{column}__gte", first), (f"{column}__lte", last))
