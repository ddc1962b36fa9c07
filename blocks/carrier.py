"""What carries the requests of the models' official clients: our own HTTP client, and the proofs of one credential.

The clients never see a secret, and what they would add of their own (keys and headers out of this server's environment,
facts about this machine) is left away.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

import httpx
import httpx2

from blocks.base import BlockError
from blocks.context import HttpClient, HttpStream
from blocks.hosts import may_be_sent, pattern_of
from blocks.models import Place

#: What the clients may send; the rest is framing, or ours.
_PASSED = ("accept", "content-type", "anthropic-version", "anthropic-beta")
#: Headers that no longer hold once a body is unpacked and read in parts.
_FRAMING = ("content-encoding", "content-length", "transfer-encoding", "connection")


def carried(http: HttpClient, place: Place) -> httpx2.AsyncClient:
    """What an official client shall send by to ask this place."""
    carrier = Carrier(http, place.proofs, place.hosts, silence_seconds=place.silence_seconds)
    return httpx2.AsyncClient(transport=carrier, trust_env=False, follow_redirects=False)


class Carrier(httpx2.AsyncBaseTransport):
    """Sends the requests of a client by `http`, each with the proofs if it goes where these may go.

    Args:
        http: what may be reached and what not is up to it.
        proofs: headers that prove who asks.
        hosts: patterns of the hosts that the proofs may be sent to.
        silence_seconds: the longest time without a byte.
    """

    def __init__(
        self, http: HttpClient, proofs: Mapping[str, str], hosts: Sequence[str], *, silence_seconds: float
    ) -> None:
        self._http = http
        self._proofs = proofs
        self._hosts = hosts
        self._silence_seconds = silence_seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it; errors are BlockErrors."""
        url = str(request.url)
        if self._proofs and not may_be_sent(self._hosts, httpx.URL(url)):
            raise _refused(self._hosts, url)
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        answer = await self._http.open(
            request.method,
            url,
            headers={**headers, **self._proofs},
            content=await request.aread(),
            silence_seconds=self._silence_seconds,
        )
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _FRAMING}
        return httpx2.Response(answer.status, headers=kept, stream=_Body(answer))


class _Body(httpx2.AsyncByteStream):
    """A body as it arrives."""

    def __init__(self, answer: HttpStream) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer:
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


def _refused(hosts: Sequence[str], url: str) -> BlockError:
    where = pattern_of(url) or url[:200]
    if not hosts:
        message = (
            "The credential names no hosts that it may be sent to. Its owner can add them on the page Credentials."
        )
    else:
        message = f"The credential may only be sent to {', '.join(hosts)}, not to {where}."
    return BlockError(message, retry=False)
