"""`manage.py load_examples`: the example graphs, for somebody who wants to look around."""

from pathlib import Path
from typing import Any

import orjson
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from agentflow.graphs.models import Graph
from agentflow.graphs.services import import_graph

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Command(BaseCommand):
    """Import the example graphs that their owner lacks."""

    help = "Import the example graphs for a user; those that the user has already, by name, are left alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", help="User name of the graphs' owner; by default the first administrator.")

    @transaction.atomic
    def handle(self, *args: Any, owner: str | None, **options: Any) -> None:
        user = _owner(owner)
        present = set(Graph.objects.filter(owner=user).values_list("name", flat=True))
        examples = [orjson.loads(path.read_bytes()) for path in sorted(EXAMPLES.glob("*.json"))]
        missing = [example for example in examples if example["name"] not in present]
        for example in missing:
            import_graph(example, owner=user)
        self.stdout.write(f"Loaded {len(missing)} example graphs")


def _owner(name: str | None) -> User:
    """The named user, else the first administrator."""
    found = User.objects.filter(username=name) if name else User.objects.filter(is_superuser=True).order_by("id")
    user = found.first()
    if user is None:
        raise CommandError(f"There is no user {name!r}." if name else "There is no administrator; name an --owner.")
    return user
