"""The rig of the fault tests."""

from tests.faults.conftest import make_rig, rig_servers

__all__ = ["make_rig", "rig_servers"]
