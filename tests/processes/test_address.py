"""The address that browsers use."""

import pytest

from agentflow.processes import address
from agentflow.processes.errors import PortTaken


def test_a_port_that_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(PortTaken, match="There is no port 99999: the highest is 65535"):
        address.listen("127.0.0.1", 99_999)
