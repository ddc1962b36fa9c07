"""`manage.py rqworker`: hosts executions; `manage.py rqworker nodes`: runs isolated nodes."""

import logging
import os
import socket
import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django_rq.management.commands.rqworker import Command as DjangoRqCommand

from agentflow.credentials import key_check
from agentflow.database.limits import limit_connections
from agentflow.logs.context import name_process
from executions.tickets import NODES, TICKETS

WORKER_CLASSES = {NODES: "executions.worker.NodeWorker"}


class Command(DjangoRqCommand):
    """django-rq's command with our worker classes, JSON, our job class and one queue."""

    help = "Host executions (no argument), or run isolated nodes (rqworker nodes)."

    def run_from_argv(self, argv: list[str]) -> None:
        """As a program of its own: threads that blocks have left do not keep it from ending."""
        super().run_from_argv(argv)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
            os._exit(0)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """django-rq's options with defaults that are right here."""
        super().add_arguments(parser)  # type: ignore[no-untyped-call]  # django-rq ships no types
        parser.set_defaults(serializer="rq.serializers.JSONSerializer", job_class="executions.tickets.TicketJob")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work on one queue until asked to stop."""
        queues = args or (TICKETS,)
        if len(queues) > 1:
            # With several queues RQ takes jobs without a safety copy: a crash would lose them.
            raise CommandError("One queue per worker process: start one worker for each.")
        options["worker_class"] = options["worker_class"] or WORKER_CLASSES.get(
            queues[0], "executions.worker.GraphWorker"
        )
        if options["verbosity"] == 1:
            options["verbosity"] = 0  # RQ's four lines for every ticket say nothing that our own log does not
        key_check.at_start()
        limit_connections()
        name_process(worker=f"{socket.gethostname()}-{os.getpid()}")
        super().handle(*queues, **options)  # type: ignore[no-untyped-call]  # as above
