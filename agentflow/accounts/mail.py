"""Sending what the product writes to people about their accounts."""

import logging

from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)


def send(message: EmailMessage) -> bool:
    """Whether the mail server took it; if not, the log says why."""
    try:
        message.send()
    except OSError as error:  # SMTPException is one
        logger.warning("mail not sent: %s", error, extra={"action": "mail_failed"})
        return False
    return True
