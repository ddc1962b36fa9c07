"""`manage.py doctor`: what is wrong with this installation, and how it is mended."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentflow.logs.redaction import hidden
from agentflow.processes.doctor import Finding, Level, examine

SIGNS = {Level.OK: "✓", Level.WARNING: "!", Level.ERROR: "✗"}


class Command(BaseCommand):
    """Exits with 0 when nothing is wrong, warnings included, and with 1 when something is."""

    help = "Say what is wrong with this installation and how it is mended: exit status 0, or 1 if anything is."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """For people or for programs."""
        parser.add_argument("--json", action="store_true", help="a list of {check, level, text, fix}")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        """Print each finding, its fix below it."""
        found = [Finding(each.check, each.level, hidden(each.text), each.fix) for each in examine()]
        self.stdout.write(as_json(found) if json else "\n".join(lines(found)))
        errors = sum(each.level is Level.ERROR for each in found)
        if errors:
            raise CommandError(f"{errors} to mend.")


def lines(found: list[Finding]) -> list[str]:
    """Each finding as one or two lines."""
    return [
        line
        for each in found
        for line in (
            f"{SIGNS[each.level]} {each.check}: {each.text}",
            *([f"    {each.fix}"] if each.fix else []),
        )
    ]


def as_json(found: list[Finding]) -> str:
    """The findings for programs."""
    return json.dumps([each._asdict() for each in found], ensure_ascii=False, indent=2)
