"""`manage.py backup [file]`: everything that an installation holds in one file, while it goes on working."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from agentflow.backups import keeping
from agentflow.backups.errors import BackupError
from agentflow.backups.making import Made, make_backup


class Command(BaseCommand):
    """Write the database and the blobs into one file."""

    help = "Back up the database and the blobs into one file; agentflow may go on working."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("file", nargs="?", type=Path, help="default: a new one in the data folder's backups/")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = make_backup((options["file"] or keeping.new_path()).absolute(), self.stderr.write)
        except BackupError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(described(made))
        self.stdout.write("The secret key and the settings are not in it: keep them elsewhere.")


def described(made: Made) -> str:
    """What a backup holds, in a line."""
    manifest = made.manifest
    runs = sum(manifest.executions.values())
    return f"{made.path}: {filesizeformat(made.size)}, {manifest.rows:,} rows, {runs:,} runs, {manifest.blobs:,} blobs."
