"""A client of the rig's web process."""

import httpx

from agentflow.accounts.services import create_token
from tests.faults.rig import Rig

#: Longer than anybody should have to wait.
TIMEOUT_SECONDS = 60.0


def caller(rig: Rig) -> httpx.Client:
    """Calls the API with a token of the rig's owner."""
    _, token = create_token(user=rig.owner, name="faults")
    return httpx.Client(base_url=rig.url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_SECONDS)
