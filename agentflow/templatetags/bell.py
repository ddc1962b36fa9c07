"""The bell of every page."""

from collections.abc import Mapping
from typing import Any

from django import template

from agentflow.notifications.counting import count_text, unread

register = template.Library()


@register.simple_tag(takes_context=True)
def unread_notifications(context: Mapping[str, Any]) -> str:
    """How many notifications the user has not read; nothing if there are none."""
    return count_text(unread(context["request"].user))
