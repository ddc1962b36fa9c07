"""What the log makes of requests that are merely wrong."""

import logging

#: Where Django tells of a Host, a session or a form that cannot be: always the client's mistake.
CLIENT_MISTAKES = "django.security."
#: Everything that Django tells of requests; below an error they were the client's mistakes, too.
REQUESTS = ("django.request", CLIENT_MISTAKES)


class ClientMistakes(logging.Filter):
    """One line without a traceback, as a warning: an error in the log is something to mend here."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, such ones smaller."""
        if record.name.startswith(CLIENT_MISTAKES):
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        if record.name.startswith(REQUESTS) and record.levelno < logging.ERROR:
            record.exc_info = record.exc_text = None
        return True
