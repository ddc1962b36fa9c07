"""Many browsers that follow one execution: how long after its commit each of them has seen a change."""

import asyncio
import statistics
import time
from collections.abc import Iterator

import orjson
import redis.asyncio as redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.benchmarks import graphs
from tests.benchmarks.client import LOOK_SECONDS, Api
from tests.benchmarks.figures import Figure

SOCKETS = 200
#: One node after the other, each a little later: a frame for nearly every commit.
STEPS = 200


def sockets(api: Api) -> Iterator[Figure]:
    """Commits against what 200 sockets see of them; the commit's time is that of the wake-up sent right after it."""
    graph = api.graph("watched", graphs.chain(STEPS, "bench.pause"))
    api.run(graph)
    seen = asyncio.run(_Watched(api, graph).run())
    lags = sorted(seen.lags)
    yield Figure(f"commit to {SOCKETS} sockets, p50", statistics.median(lags) * 1e3, "ms", 60)
    yield Figure(f"commit to {SOCKETS} sockets, p99", lags[int(len(lags) * 0.99)] * 1e3, "ms", 200)
    yield Figure("web's processor time for a frame", seen.web_seconds / seen.frames * 1e6, "µs", 40)


class _Watched:
    """One execution and all who follow it."""

    def __init__(self, api: Api, graph: int) -> None:
        self._api = api
        self._graph = graph
        self._committed: dict[int, float] = {}
        #: By socket: when it first had seen everything up to a number.
        self._seen: list[list[tuple[int, float]]] = [[] for _ in range(SOCKETS)]
        self.frames = 0
        self.lags: list[float] = []
        self.web_seconds = 0.0

    async def run(self) -> "_Watched":
        """Start it, follow it to its end, and compare."""
        execution = self._api.call("POST", f"graphs/{self._graph}/execute/", {"inputs": {}})["id"]
        listener = asyncio.create_task(self._listen(execution))
        url = f"{self._api.url.replace('http', 'ws', 1)}/ws/executions/{execution}/"
        opened = [self._open(url, number) for number in range(SOCKETS)]
        connections = await asyncio.gather(*opened)
        following = [asyncio.create_task(self._follow(number, each)) for number, each in enumerate(connections)]
        while not all(self._seen):  # opening a socket has its own cost
            await asyncio.sleep(LOOK_SECONDS)
        before, self.frames = self._api.cpu_seconds("web"), 0
        await asyncio.gather(*following)
        self.web_seconds = self._api.cpu_seconds("web") - before
        listener.cancel()
        await asyncio.gather(*(each.close() for each in connections))
        self._compare()
        return self

    def _open(self, url: str, number: int) -> connect:
        sessions = self._api.credentials.sessions
        headers = {"Cookie": f"sessionid={sessions[number % len(sessions)]}"}
        return connect(url, origin=Origin(self._api.url), additional_headers=headers)

    async def _listen(self, execution: str) -> None:
        client = redis.Redis.from_url(self._api.services()["REDIS_URL"])
        async with client, client.pubsub() as messages:
            await messages.psubscribe("*:wake")
            async for message in messages.listen():
                kind, _, rest = (message["data"] if isinstance(message["data"], bytes) else b"").partition(b":")
                name, _, seq = rest.partition(b":")
                if kind == b"e" and name.decode() == execution and seq.isdigit():
                    self._committed.setdefault(int(seq), time.perf_counter())

    async def _follow(self, number: int, connection: ClientConnection) -> None:
        async for text in connection:
            at = time.perf_counter()
            message = orjson.loads(text)
            if message["type"] not in ("snapshot", "frame"):
                continue
            self.frames += 1
            self._seen[number].append((message["seq"], at))
            await connection.send(orjson.dumps({"type": "ack", "seq": message["seq"]}).decode())
            if message["execution"]["ended_at"] and message["seq"] >= message["head"]:
                return

    def _compare(self) -> None:
        watched = max(seen[0][1] for seen in self._seen)
        for seen in self._seen:
            for seq, committed in self._committed.items():
                if committed > watched:  # everybody was there
                    self.lags.append(next(at for upto, at in seen if upto >= seq) - committed)
