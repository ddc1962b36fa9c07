#!/usr/bin/env python
"""Runs an administrative command: `up`, `rqworker`, `migrate` and so on."""

import os
import sys

#: They also work while nothing runs, not even the database; and whether nothing must run.
ON_THEIR_OWN = {"backup": False, "restore": True}


def main() -> None:
    """Hand the command line to Django; some come before Django, whose settings name the services that they start."""
    if sys.argv[1:] == ["up"]:
        from agentflow.processes import up

        sys.exit(up.main())
    if len(sys.argv) > 1 and sys.argv[1] in ON_THEIR_OWN:
        from agentflow.processes import own_database

        sys.exit(own_database.main(execute, alone=ON_THEIR_OWN[sys.argv[1]]))
    execute()


def execute() -> None:
    """The command by Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentflow.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
