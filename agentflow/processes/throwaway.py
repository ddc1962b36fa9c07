"""Servers for one test run: in a temporary folder, quick instead of durable, gone afterwards."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentflow.processes.places import make_private
from agentflow.processes.programs import service_account
from agentflow.processes.servers import Servers
from agentflow.processes.services import ServiceKind


class ThrowawayServers(Servers):
    """Servers of the given kinds that leave nothing behind."""

    def __init__(self, kinds: Sequence[ServiceKind]) -> None:
        account = service_account()
        self._folder = make_private(Path(tempfile.mkdtemp(prefix="agentflow-servers-")), account)
        super().__init__([kind(self._folder, account, lasting=False) for kind in kinds], self._folder)

    def stop(self) -> None:
        """Stop them and remove what they wrote."""
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)
