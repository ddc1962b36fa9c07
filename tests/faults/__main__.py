"""`python -m tests.faults [short|long]`: one dose of chaos outside pytest; the logs of the processes are kept.

FAULTS_SEED repeats an earlier dose, FAULTS_KILLS and so on (`chaos.Dose`) change it, FAULTS_WORKERS is how many workers
host.
"""

import os
import random
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.faults import chaos
from tests.faults.effects import Effects
from tests.faults.rig import QUICK, Rig
from tests.faults.servers import Servers


def main() -> int:
    """Run the dose and print what came of it; 1 if something is wrong."""
    is_long = sys.argv[1:] == ["long"]
    folder = Path(tempfile.mkdtemp(prefix="agentflow-chaos-"))
    dose = chaos.Dose.read(chaos.LONG if is_long else chaos.SHORT)
    seed = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))
    say(f"seed {seed}, logs in {folder}")
    with Servers() as servers, Effects(failing=0.02) as effects:
        environment = effects.environment if is_long else effects.environment | QUICK
        workers = int(os.environ.get("FAULTS_WORKERS") or (4 if is_long else 3))
        with Rig(servers, folder, workers=workers, node_workers=2, web=True, environment=environment) as rig:
            report = chaos.run(rig, effects, dose, seed, lease_seconds=8 if is_long else 4)
    say(str(report))
    return 1 if report.problems else 0


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
