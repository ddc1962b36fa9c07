"""Executions of all shapes while everything breaks at random: nothing is lost, stuck, doubled or wrong."""

import os
import random

import pytest

from tests.faults import chaos
from tests.faults.chaos import Dose
from tests.faults.conftest import MakeRig
from tests.faults.effects import Effects
from tests.faults.rig import QUICK

pytestmark = pytest.mark.faults


def seed() -> int:
    return int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))


def test_short_dose(make_rig: MakeRig, capsys: pytest.CaptureFixture[str]) -> None:
    with Effects(failing=0.02) as effects:
        rig = make_rig(workers=3, node_workers=1, web=True, environment=QUICK | effects.environment)
        report = chaos.run(rig, effects, Dose.read(chaos.SHORT), seed(), lease_seconds=4)
    with capsys.disabled():
        print(report)  # noqa: T201 - the seed and the figures
    assert not report.problems


@pytest.mark.slow
def test_long_dose(make_rig: MakeRig, capsys: pytest.CaptureFixture[str]) -> None:
    """With the leases that the product has by default."""
    with Effects(failing=0.02) as effects:
        rig = make_rig(workers=4, node_workers=2, web=True, environment=effects.environment)
        report = chaos.run(rig, effects, Dose.read(chaos.LONG), seed(), lease_seconds=8)
    with capsys.disabled():
        print(report)  # noqa: T201 - the seed and the figures
    assert not report.problems
