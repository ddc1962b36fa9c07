"""How many notifications a person has not read: asked often, so it counts no further than people do."""

from django.contrib.auth.models import AnonymousUser, User

from agentflow.notifications.models import Notification

MOST_COUNTED = 99


def unread(user: User | AnonymousUser) -> int:
    """How many; 100 for any number above 99."""
    if not user.is_authenticated:
        return 0
    rows = Notification.objects.filter(user=user, is_shown=True, read_at=None).order_by()
    return len(rows.values_list("pk", flat=True)[: MOST_COUNTED + 1])


def count_text(number: int) -> str:
    """The number as the bell shows it; nothing for none."""
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number or "")
