"""The whole product, over HTTP: `manage.py up`, a token, `Prefer: wait`; seconds from the call to its answer."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import servers

servers.prepare_environment()

from tests.e2e.product import ROOT, Product, running_product

RUNS = 5
SINGLE_RUNS = 50

Spec = dict[str, Any]


def main() -> None:
    """Start the product, run each graph a few times, print one table."""
    servers.start()
    with tempfile.TemporaryDirectory(prefix="agentflow-bench-") as folder, running_product(Path(folder)) as product:
        api = Api(product)
        say(f"{'graph, over HTTP with Prefer: wait':44}{'nodes':>7}{'min s':>9}{'median s':>10}{'max s':>9}")
        for name, spec in GRAPHS.items():
            measure(api, name, spec(), SINGLE_RUNS if name == "one node" else RUNS)
        for name, kilobytes in memory(product.data).items():
            say(f"{name:44}{kilobytes / 1024:>16.0f} MB")


def measure(api: "Api", name: str, spec: Spec, runs: int) -> None:
    """Run the graph once unmeasured, then `runs` times."""
    graph = api.post("graphs/", {"name": name, "spec": spec})["id"]
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        execution = api.post(f"graphs/{graph}/execute/", {"inputs": {}})
        seconds.append(time.perf_counter() - began)
        if execution["status"] != "completed":
            raise SystemExit(f"{name}: {execution['status']} {execution['error']}")
    warm = seconds[1:]
    nodes = execution["counts"]["total"]
    say(f"{name:44}{nodes:>7}{min(warm):>9.3f}{statistics.median(warm):>10.3f}{max(warm):>9.3f}")


class Api:
    """Calls with a token that may write."""

    def __init__(self, product: Product) -> None:
        self.address = f"{product.url}/api/v1/"
        self.headers = {
            "Authorization": f"Bearer {token(product)}",
            "Content-Type": "application/json",
            "Prefer": "wait=60",
        }

    def post(self, path: str, body: Spec) -> Any:
        """The answer's JSON."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, self.headers)  # noqa: S310 - our own server
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())


def token(product: Product) -> str:
    """A token of the first user, made as an administrator would."""
    code = (
        "from django.contrib.auth.models import User; from agentflow.accounts.services import create_token; "
        "print(create_token(user=User.objects.get(username='admin'), name='bench', scope='write')[1])"
    )
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=product.environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def memory(data: Path) -> dict[str, int]:
    """Resident kilobytes of each of our processes."""
    found = {}
    for file in sorted((data / "pids").iterdir()):
        status = Path(f"/proc/{file.read_text().split()[0]}/status")
        if status.exists():
            line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
            found[f"memory of {file.stem}"] = int(line.split()[1])
    return found


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def node(key: str, block: str, **config: Any) -> Spec:
    return {"key": key, "block": block, "config": config}


def link(source: str, source_port: str, sink: str, sink_port: str) -> Spec:
    return {"source": source, "source_port": source_port, "sink": sink, "sink_port": sink_port}


def chain(length: int) -> Spec:
    """Each node passes the value on."""
    nodes = [node(f"n{i}", "core.value", value=i) for i in range(length)]
    return {"nodes": nodes, "links": [link(f"n{i}", "value", f"n{i + 1}", "value") for i in range(length - 1)]}


def fan(width: int) -> Spec:
    """One source, `width` parallel nodes, one gather."""
    middle = [node(f"n{i}", "math.calculate", b=i, operation="add") for i in range(width)]
    nodes = [node("source", "core.value", value=1), *middle, node("all", "logic.gather")]
    links = [link("source", "value", f"n{i}", "a") for i in range(width)]
    return {"nodes": nodes, "links": links + [link(f"n{i}", "result", "all", "values") for i in range(width)]}


def loop(items: int) -> Spec:
    """A step for each item, collected."""
    nodes = [
        node("items", "core.value", value=list(range(items))),
        node("each", "logic.for_each"),
        node("step", "math.calculate", b=1, operation="add"),
        node("all", "logic.collect"),
    ]
    links = [link("items", "value", "each", "items"), link("each", "item", "step", "a")]
    return {"nodes": nodes, "links": [*links, link("step", "result", "all", "items")]}


GRAPHS: dict[str, Callable[[], Spec]] = {
    "one node": lambda: chain(1),
    "chain of 40": lambda: chain(40),
    "source, 1,000 parallel nodes, gather": lambda: fan(1_000),
    "for each of 1,000 items, collect": lambda: loop(1_000),
}

if __name__ == "__main__":
    main()
