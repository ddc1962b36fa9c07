"""`manage.py prepare`: what the database needs before the first request; `manage.py up` runs it at each start."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, transaction

from agentflow import migrating
from agentflow.backups import keeping
from agentflow.backups.errors import NotWritten
from agentflow.backups.restoring import is_in_use

ADMIN = "admin"


class Command(BaseCommand):
    """Migrate; on the first start make an administrator and load the examples."""

    help = "Migrate; on the first start make an administrator (the password is printed once) and load the examples."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to be careful."""
        parser.add_argument("--backup", action="store_true", help="back up before migrating, or do not migrate")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {' '.join(str(error).split())}") from None
        with migrating.alone(self.stdout.write):
            if plan := migrating.pending():
                if options["backup"] and settings.BACKUPS_KEPT and is_in_use():
                    self._back_up()
                self.stdout.write(f"Applying {len(plan)} migrations")
                self._migrate()
            self._first_start()

    def _back_up(self) -> None:
        """A new release has migrations: what it does to the data can be undone."""
        try:
            made = keeping.back_up_before("migrating", self.stdout.write)
        except NotWritten as error:
            raise CommandError(
                f"Nothing was migrated, because the backup before it failed: {error} Make room and start again; "
                "AGENTFLOW_BACKUPS_KEPT=0 migrates without one."
            ) from None
        self.stdout.write(f"Backed up to {made.path}")
        self.stdout.write(f"To go back: install the release before, then manage.py restore {made.path} --replace")

    def _migrate(self) -> None:
        try:
            migrating.migrate(self.stdout.write)
        except migrating.Blocked as error:
            raise CommandError(str(error)) from None

    @transaction.atomic
    def _first_start(self) -> None:
        """Nobody can log in yet: make somebody who can, with something to look at."""
        if User.objects.exists():
            return
        password = secrets.token_urlsafe(12)
        User.objects.create_superuser(ADMIN, password=password)
        call_command("load_examples", owner=ADMIN, stdout=self.stdout)
        self.stdout.write(f"user: {ADMIN}\npassword: {password}")
