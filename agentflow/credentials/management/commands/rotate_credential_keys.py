"""`manage.py rotate_credential_keys`: make a key, encrypt everything with the newest, give up what is lost."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentflow.accounts import audit
from agentflow.credentials.rotation import KeysLost, rotate
from agentflow.env import new_key


class Command(BaseCommand):
    """See the page production.md for the order of steps."""

    help = "Encrypt every credential with the first key of AGENTFLOW_CREDENTIAL_KEYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What else it can do."""
        parser.add_argument("--new", action="store_true", help="only print a new key")
        parser.add_argument(
            "--give-up-lost",
            action="store_true",
            help="credentials that no key opens lose their secrets, which must be given again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say how many there were."""
        if options["new"]:
            self.stdout.write(new_key())
            return
        try:
            done = rotate(give_up_lost=options["give_up_lost"])
        except KeysLost as error:
            raise CommandError(
                f"{len(error.names)} open with none of the keys: {', '.join(error.names[:20])}. Put the old key behind "
                "the new one in AGENTFLOW_CREDENTIAL_KEYS; if it is lost for ever: --give-up-lost"
            ) from None
        audit.record(None, "rotated", detail={"encrypted anew": done.renewed, "given up": done.given_up})
        self.stdout.write(f"{done.renewed} encrypted anew, {done.given_up} given up.")
