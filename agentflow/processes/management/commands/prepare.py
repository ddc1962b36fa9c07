"""`manage.py prepare`: what the database needs before the first request; `manage.py up` runs it at each start."""

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

ADMIN = "admin"
#: Serialises preparations of the same database: any number of ours will do.
PREPARE_LOCK = 7_236_113


class Command(BaseCommand):
    """Migrate; on the first start make an administrator and load the examples."""

    help = "Migrate; on the first start make an administrator (the password is printed once) and load the examples."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {' '.join(str(error).split())}") from None
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARE_LOCK])  # until the connection closes
        self._migrate()
        self._first_start()

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write(f"Applying {len(plan)} migrations")
            call_command("migrate", verbosity=0, interactive=False)

    @transaction.atomic
    def _first_start(self) -> None:
        """Nobody can log in yet: make somebody who can, with something to look at."""
        if User.objects.exists():
            return
        password = secrets.token_urlsafe(12)
        User.objects.create_superuser(ADMIN, password=password)
        call_command("load_examples", owner=ADMIN, stdout=self.stdout)
        self.stdout.write(f"user: {ADMIN}\npassword: {password}")
