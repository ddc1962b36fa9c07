"""Profiles: time zone, locale and preferences of a person."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.timezone import get_default_timezone

from agentflow.accounts.models import Profile

#: Bytes of JSON that preferences may take: they travel with every claimed run.
MOST_PREFERENCES = 8_192
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


def profile_of(user: User) -> Profile:
    """The profile, also of somebody who has none stored."""
    return Profile.objects.filter(user=user).first() or Profile(user=user)


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Names of time zones, for a list: those of a continent or ocean, and UTC."""
    places = (
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/", "right/"))
    )
    return ("UTC", *sorted(places))


def zone(name: str) -> ZoneInfo | Any:
    """The time zone; the product's if this machine does not know it any more."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return get_default_timezone()


def check_time_zone(name: str) -> None:
    """Refuse what is no time zone."""
    if name not in available_timezones():
        raise ValidationError("No such time zone. Examples: Europe/Zurich, America/New_York, UTC.")


def check_locale(name: str) -> None:
    """Refuse what is no locale."""
    if not LOCALE.fullmatch(name):
        raise ValidationError("A locale is a language and perhaps a region: en, de-CH, pt-BR.")


def check_preferences(preferences: Any) -> None:
    """Refuse what is no object of sensible size."""
    if not isinstance(preferences, Mapping):
        raise ValidationError('Preferences are a JSON object: {"signature": "Best wishes"}.')
    if len(json.dumps(preferences)) > MOST_PREFERENCES:
        raise ValidationError(f"Preferences may take {MOST_PREFERENCES:,} bytes.")
