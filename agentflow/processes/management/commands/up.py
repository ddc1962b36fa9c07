"""`manage.py up`, for those who come to it through Django; manage.py itself takes the short way."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from agentflow.processes import up


class Command(BaseCommand):
    """Start services, web and workers on this machine; Ctrl-C stops everything."""

    help = "Start PostgreSQL, Valkey, the web server and the workers on this machine; Ctrl-C stops everything."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(up.main())
