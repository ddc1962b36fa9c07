"""The whole product as `manage.py up` starts it, on durable services of its own, beside RQ and Celery in the same run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.client import Api, Credentials
from tests.benchmarks.figures import Figure
from tests.benchmarks.peers import Celery, Rq, celery_workers, rq_workers
from tests.benchmarks.works import WORKS
from tests.e2e.product import ROOT, Product, running_product

SETTINGS = {"AGENTFLOW_BLOCK_MODULES": "tests.benchmarks.blocks", "AGENTFLOW_API_RATE": "100000"}
PEER_REPEATS = 3


def main(chosen: list[str]) -> None:
    """Measure the works that are named, or all, and print them as they come."""
    names = chosen or list(WORKS)
    with tempfile.TemporaryDirectory(prefix="agentflow-bench-") as folder:
        environment = {"AGENTFLOW_ENV_FILE": os.devnull, "PYTHONPATH": str(ROOT), **SETTINGS}
        with running_product(Path(folder), own_services=True, **environment) as product:
            api = Api(product.url, credentials(product), product.data, product.environment)
            say(f"{'work':44}{'measured':>12}{'goal':>12}{'':8}note")
            figures = [measured(figure) for name in names for figure in WORKS[name](api)]
            compare(figures, api.services()["REDIS_URL"])


def measured(figure: Figure) -> Figure:
    """Print the figure as soon as it is there."""
    goal, verdict = "", ""
    if figure.goal is not None:
        reached = figure.value >= figure.goal if figure.is_rate else figure.value <= figure.goal
        goal, verdict = _shown(figure.goal, figure.unit), "ok" if reached else "MISSED"
    say(f"{figure.name:44}{_shown(figure.value, figure.unit):>12}{goal:>12}  {verdict:6}{figure.note}")
    return figure


def compare(figures: list[Figure], redis_url: str) -> None:
    """Do the same work on the peers, which run one after the other."""
    shared = [figure for figure in figures if figure.peer]
    if not shared:
        return
    with rq_workers(redis_url) as rq:
        by_rq = [_least(rq, figure) for figure in shared]
    with celery_workers(redis_url) as celery:
        by_celery = [_least(celery, figure) for figure in shared]
    say(f"\n{'the same work':44}{'agentflow s':>12}{'RQ s':>12}{'Celery s':>12}{'RQ ÷':>8}{'Celery ÷':>10}")
    for figure, rq_seconds, celery_seconds in zip(shared, by_rq, by_celery, strict=True):
        ratios = f"{rq_seconds / figure.value:>8.1f}{celery_seconds / figure.value:>10.1f}"
        say(f"{figure.name:44}{figure.value:>12.3f}{rq_seconds:>12.3f}{celery_seconds:>12.3f}{ratios}")


#: Makes a token of the first user, and sessions of several others who see everything.
PREPARE = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from agentflow.accounts.services import create_token
def session(number):
    user = User.objects.create_user(f"watcher{number}", is_superuser=True)
    made = SessionStore()
    made[SESSION_KEY], made[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    made[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    made.create()
    return made.session_key
admin = User.objects.get(username="admin")
print(create_token(user=admin, name="bench", scope="write")[1], *[session(number) for number in range(4)])
"""


def credentials(product: Product) -> Credentials:
    """What callers need."""
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", PREPARE]
    done = subprocess.run(command, cwd=ROOT, env=product.environment, check=True, capture_output=True, text=True)
    token, *sessions = done.stdout.split()
    return Credentials(token, sessions)


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _least(peer: Rq | Celery, figure: Figure) -> float:
    assert figure.peer
    method, arguments = figure.peer
    seconds: list[float] = [getattr(peer, method)(*arguments) for _ in range(1 if method == "chains" else PEER_REPEATS)]
    return min(seconds)


def _shown(value: float, unit: str) -> str:
    digits = 3 if unit == "s" else 2 if unit == "x" else 1 if value < 1_000 else 0
    return f"{value:,.{digits}f} {unit}"
