#!/usr/bin/env python
"""Runs an administrative command: `up`, `rqworker`, `migrate` and so on."""

import os
import sys


def main() -> None:
    """Hand the command line to Django; `up` alone comes before Django, whose settings name the services it starts."""
    if sys.argv[1:] == ["up"]:
        from agentflow.processes import up

        sys.exit(up.main())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentflow.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
