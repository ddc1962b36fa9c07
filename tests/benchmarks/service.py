"""The call of the service itself, in a process of its own as a trigger or a command would make it."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks import graphs
from tests.benchmarks.client import Api
from tests.benchmarks.figures import Figure
from tests.e2e.product import ROOT

#: Starts executions of a graph and waits for each; prints the seconds that each took.
CALLER = """
import asyncio, json, sys, time
import django
django.setup()
from asgiref.sync import sync_to_async
from agentflow.graphs.models import Graph
from executions.hub import hub
from executions.services import start_execution
from executions.waiting import wait_until_over
graph = Graph.objects.select_related("owner").get(pk=sys.argv[1])
start = sync_to_async(lambda: start_execution(graph, user=graph.owner, inputs={}).pk)
async def main():
    await hub().keep()
    seconds = []
    for _ in range(int(sys.argv[2])):
        began = time.perf_counter()
        assert await wait_until_over(await start(), 30)
        seconds.append(time.perf_counter() - began)
    await hub().release()
    return seconds
print(json.dumps(asyncio.run(main())))
"""
WARM, CALLS = 20, 200


def service(api: Api) -> Iterator[Figure]:
    """One node, from the call of `start_execution` to its known end."""
    graph = api.graph("service", graphs.chain(1))
    environment = api.environment | api.services() | {"DJANGO_SETTINGS_MODULE": "agentflow.settings"}
    command = [sys.executable, "-c", CALLER, str(graph), str(WARM + CALLS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    seconds = json.loads(done.stdout)[WARM:]
    yield Figure("one node from the service call, p50", statistics.median(seconds) * 1e3, "ms", 8)
