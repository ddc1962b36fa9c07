"""Notifications as e-mail: one or many in a message, as text and HTML, with a link that stops them."""

import smtplib
from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from agentflow.notifications.channels import is_mail_set_up, zone_of
from agentflow.notifications.models import Channel, Notification
from agentflow.notifications.opting_out import token_for
from agentflow.notifications.sending import NotSent


def send_mail(channel: Channel, notifications: Sequence[Notification], message: UUID) -> None:
    """Send them in one mail.

    Raises:
        NotSent: there is no address, or the mail server does not take it.
    """
    if not channel.user.email:
        raise NotSent("You have no e-mail address. Enter one on the page Account.", retry=False)
    if not is_mail_set_up():
        raise NotSent("This installation has no mail server. An administrator can set EMAIL_URL.")
    try:
        composed(channel, notifications, message).send()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise NotSent(f"The mail server did not take it: {_reason(error)}") from None


def composed(channel: Channel, notifications: Sequence[Notification], message: UUID) -> EmailMultiAlternatives:
    """The mail."""
    graphs = {notification.graph_id: notification.graph for notification in notifications}
    graph = next(iter(graphs.values())) if len(graphs) == 1 else None
    stop = absolute(reverse("notifications-opt-out", args=[token_for(channel, graph)]))
    context = {
        "items": [_item(notification) for notification in notifications],
        "zone": zone_of(channel.user),
        "graph": graph,
        "stop": stop,
        "preferences": absolute(reverse("notification-preferences")),
        "site": absolute(reverse("overview")),
    }
    with timezone.override(zone_of(channel.user)):
        text = render_to_string("notifications/mail.txt", context)
        html = render_to_string("notifications/mail.html", context)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    mail = EmailMultiAlternatives(
        subject=subject(notifications),
        body=text,
        to=[channel.user.email],
        headers={
            "Message-ID": f"<{message}@{domain}>",
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
            "Auto-Submitted": "auto-generated",  # RFC 3834: no answers of absence
        },
    )
    mail.attach_alternative(html, "text/html")
    return mail


def subject(notifications: Sequence[Notification]) -> str:
    """What the mail is about, in one line."""
    first = " ".join(notifications[0].title.split())
    if len(notifications) == 1:
        return f"[agentflow] {first}"
    return f"[agentflow] {len(notifications)} notifications: {first}, …"


def absolute(path: str) -> str:
    """The address of a page of this installation."""
    return urljoin(settings.PUBLIC_URL, path)


def _item(notification: Notification) -> dict[str, Any]:
    return {"told": notification, "url": absolute(notification.path) if notification.path else ""}


def _reason(error: Exception) -> str:
    """The server's words, without what was sent to it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        error = next((smtplib.SMTPResponseException(*answer) for answer in error.recipients.values()), error)
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode(errors="replace")
        return f"{error.smtp_code} {text}"
    return str(error) or type(error).__name__
