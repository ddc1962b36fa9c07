"""`manage.py restore file`: an installation as it was when the backup was made."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentflow.backups import keeping
from agentflow.backups.archive import ArchiveReader
from agentflow.backups.errors import BackupError, InUse
from agentflow.backups.restoring import Restoring, is_in_use, refuse_live_workers


class Command(BaseCommand):
    """Put back what a backup holds."""

    help = "Restore a backup. agentflow must be stopped meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, and what may be lost for it."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="also where there are data; they are backed up before"
        )
        parser.add_argument(
            "--nothing-ran-since",
            action="store_true",
            help="nothing has run since the backup was made: steps that must happen once go on without asking",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with ArchiveReader(options["file"]) as archive:
                self._restore(archive, replace=options["replace"], ask_once=not options["nothing_ran_since"])
        except BackupError as error:
            raise CommandError(str(error)) from None

    def _restore(self, archive: ArchiveReader, *, replace: bool, ask_once: bool) -> None:
        restoring = Restoring(archive, self.stderr.write)
        refuse_live_workers()
        is_replacing = is_in_use()
        if is_replacing and not replace:
            raise InUse("There are data already: --replace backs them up and then replaces them.")
        restoring.check()
        if is_replacing:
            made = keeping.back_up_before("restoring", self.stderr.write)
            self.stdout.write(f"What was there is in {made.path}")
        restoring.carry_out(ask_once=ask_once)
        manifest = archive.manifest
        active = sum(manifest.executions.get(status, 0) for status in ("queued", "running", "waiting"))
        self.stdout.write(
            f"Restored as of {manifest.made_at}: {manifest.rows:,} rows, {manifest.blobs:,} blobs. "
            f"{active:,} runs go on when the workers start. Everybody logs in again."
        )
