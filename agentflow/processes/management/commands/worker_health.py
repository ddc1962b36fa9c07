"""`manage.py worker_health`: whether a worker of this host lives, for the health checks of containers."""

import socket
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from agentflow.processes.probes import Probe
from executions.fleet import live
from executions.tickets import NODES, TICKETS

ANSWER_SECONDS = 5.0
#: Exit status when the database does not say.
UNKNOWN = 2


class Command(BaseCommand):
    """Exits with 0 when one lives, 1 when none does, 2 when the database does not say."""

    help = "Say whether a worker of this host holds a valid lease: exit status 0, 1 if none, 2 if unknown."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which workers are meant."""
        parser.add_argument("queue", nargs="?", default=TICKETS, help=f"{TICKETS} (as given) or {NODES}")
        parser.add_argument("--host", default=socket.gethostname(), help="the host that the worker runs on")

    def handle(self, *args: Any, queue: str, host: str, **options: Any) -> None:
        """Print each, or fail."""
        try:
            found = Probe("workers", lambda: read(queue, host)).ask().result(ANSWER_SECONDS)
        except (Error, OSError) as error:
            raise CommandError(
                f"The database does not answer: {error or 'it takes too long'}", returncode=UNKNOWN
            ) from None
        if not found:
            raise CommandError(f"No worker of the queue “{queue}” on {host} has a valid lease.")
        for name, expires_at in found:
            self.stdout.write(f"{name}: lease until {expires_at:%H:%M:%S} UTC")


def read(queue: str, host: str) -> list[tuple[str, datetime]]:
    """Name and end of the lease of each live worker."""
    try:
        return list(live().filter(queue=queue, host=host).values_list("name", "expires_at"))
    finally:
        connection.close()
