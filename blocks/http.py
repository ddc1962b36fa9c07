"""The HTTP client of blocks: reaches the open internet and nothing behind it.

Names are resolved here and the connection goes to the very address that was checked, so a name that answers
differently the second time gains nothing; `Host` and TLS still use the name. Redirects pass the same check. Proxy
settings of the environment and cookies are not used: what one run does leaves no trace for the next.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import httpcore
import httpx

from blocks.addresses import Address, AllowList
from blocks.base import BlockError
from blocks.context import HttpResponse, Secret
from blocks.hosts import headers_of, may_be_sent, refusal

MAX_REDIRECTS = 5
MAX_BYTES = 20_000_000
MAX_CONNECTIONS = 500
CONNECT_SECONDS = 10.0
#: Ours to set: they frame the message or choose another host than the one checked.
RESERVED_HEADERS = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
USER_AGENT = "agentflow"

_TRANSPORT_ERRORS = (
    httpx.HTTPError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
#: Returns when something may be sent.
Ready = Callable[[], Awaitable[None]]


class SafeHttpClient:
    """HTTP for blocks; one per event loop, with its own connection pool.

    Args:
        allow: hosts that may be reached although they are private (`AllowList.parse`).
        max_bytes: largest body, unpacked.
        resolve: addresses of a host and port; the system's resolver unless a test gives another.
    """

    def __init__(
        self, allow: Sequence[str] = (), *, max_bytes: int = MAX_BYTES, resolve: Resolve | None = None
    ) -> None:
        self._max_bytes = max_bytes
        self._backend = _GuardedBackend(AllowList.parse(allow), resolve or resolve_by_system)
        self._transport = _Transport(self._backend)
        self._client = httpx.AsyncClient(
            transport=self._transport,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": USER_AGENT},
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_seconds: float = 30.0,
        credential: Secret | None = None,
        ready: Ready | None = None,
    ) -> HttpResponse:
        """Answer of any status, redirects followed; `ready` is awaited in the last moment before anything is sent.

        The credential is sent to the hosts that it names and to no other, wherever redirects lead.

        Raises:
            BlockError: refused, unreachable, too large, too slow, or not HTTP; `retry` says whether trying again helps.
        """
        proofs = headers_of(credential) if credential else {}
        named = {name.lower() for name in proofs}
        given = {name: value for name, value in (headers or {}).items() if name.lower() not in named}
        request = self._build(method, url, given, params or {}, content)
        if credential and not may_be_sent(credential.hosts, request.url):
            raise refusal(credential, request.url)
        if ready is not None:
            request.extensions["trace"] = _before_sending(ready)
        await self._transport.pool()  # which takes none of the request's time
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._follow(request, proofs, credential.hosts if credential else ())
        except TimeoutError:
            raise BlockError(f"{_shown(request.url)} did not answer within {timeout_seconds:g} seconds.") from None
        except _TRANSPORT_ERRORS as error:
            raise _unreachable(_shown(request.url), error) from None

    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        silence_seconds: float = 30.0,
        ready: Ready | None = None,
    ) -> "OpenAnswer":
        """Answer of any status whose body is read as it comes; no redirect is followed.

        Raises:
            BlockError: as `request`.
        """
        request = self._build(method, url, headers or {}, {}, content)
        limit = httpx.Timeout(silence_seconds, connect=CONNECT_SECONDS, pool=None)
        request.extensions["timeout"] = limit.as_dict()
        if ready is not None:
            request.extensions["trace"] = _before_sending(ready)
        await self._transport.pool()
        try:
            return OpenAnswer(await self._client.send(request, stream=True), self._max_bytes)
        except _TRANSPORT_ERRORS as error:
            raise _broken(request.url, error, silence_seconds) from None

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Addresses of the host that other protocols may connect to."""
        return [str(address) for address in await self._backend.checked(host, port)]

    async def ready(self) -> None:
        """Return at once: nobody else acts for whoever uses this client."""

    def _build(
        self, method: str, url: str, headers: Mapping[str, str], params: Mapping[str, str], content: bytes | None
    ) -> httpx.Request:
        reserved = sorted(name for name in headers if name.lower().strip() in RESERVED_HEADERS)
        if reserved:
            raise BlockError(f"The header {reserved[0]} cannot be set.", retry=False)
        try:
            target = httpx.URL(url.strip()).copy_merge_params(dict(params))
            request = self._client.build_request(method, target, headers=dict(headers), content=content)
        except (httpx.InvalidURL, ValueError, UnicodeError) as error:
            raise BlockError(f"“{url[:200]}” cannot be requested: {error}.", retry=False) from None
        _check_target(request.url)
        return request

    async def _follow(
        self, request: httpx.Request, proofs: Mapping[str, str], proof_hosts: Sequence[str]
    ) -> HttpResponse:
        following: httpx.Request | None = request
        for _ in range(MAX_REDIRECTS + 1):
            assert following is not None  # noqa: S101 - the loop ends when there is nothing to follow
            _check_target(following.url)
            _prove(following, proofs, proof_hosts)
            response = await self._client.send(following, stream=True)
            try:
                following = response.next_request
                if following is None:
                    return await self._read(response)
            finally:
                await response.aclose()
        raise BlockError(f"{_shown(request.url)} redirects more than {MAX_REDIRECTS} times.", retry=False)

    async def _read(self, response: httpx.Response) -> HttpResponse:
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._max_bytes and response.request.method != "HEAD":
            raise self._too_large(response)
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_bytes:
                raise self._too_large(response)
        url = str(response.url.copy_with(username=None, password=None))
        return HttpResponse(response.status_code, dict(response.headers), bytes(body), url)

    def _too_large(self, response: httpx.Response) -> BlockError:
        return BlockError(f"{_shown(response.url)} answers with more than {self._max_bytes:,} bytes.", retry=False)


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Addresses of the host in the order in which to try them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, allow: AllowList, resolve: Resolve) -> None:
        self._allow = allow
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self.checked(host, port)
        for number, address in enumerate(addresses, start=1):
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise AssertionError("unreachable: checked gives at least one address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise BlockError("Sockets of this machine cannot be reached.", retry=False)

    async def checked(self, host: str, port: int) -> list[Address]:
        """Addresses of the host that may be reached; never empty."""
        try:
            found = [ipaddress.ip_address(text) for text in await self._resolve(host, port)]
        except socket.gaierror:
            raise BlockError(f"The host name {host} is not known.") from None
        except (UnicodeError, ValueError):
            raise BlockError(f"{host} is no host name.", retry=False) from None
        allowed = [address for address in found if self._allow.allows(host, port, address)]
        if not allowed:
            raise BlockError(
                f"{host} is not on the open internet, and blocks may not reach private addresses. "
                f"An administrator can allow it: AGENTFLOW_HTTP_ALLOW={f'[{host}]' if ':' in host else host}:{port}.",
                retry=False,
            )
        return allowed


class OpenAnswer:
    """An answer whose body is still to come."""

    def __init__(self, response: httpx.Response, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, url = 0, self._response.url
        try:
            async for chunk in self._response.aiter_bytes():
                size += len(chunk)
                if size > self._max_bytes:
                    message = f"{_shown(url)} answers with more than {self._max_bytes:,} bytes."
                    raise BlockError(message, retry=False)
                yield chunk
        except _TRANSPORT_ERRORS as error:
            raise _broken(url, error, self._response.request.extensions["timeout"]["read"]) from None

    async def aclose(self) -> None:
        """Hang up, unless the whole body was read."""
        await self._response.aclose()


class CarefulClient:
    """The client for a worker that must not send anything once it may have lost its right to."""

    def __init__(self, client: SafeHttpClient, ready: Ready) -> None:
        self._client = client
        self._ready = ready

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_seconds: float = 30.0,
        credential: Secret | None = None,
    ) -> HttpResponse:
        """As `SafeHttpClient.request`."""
        return await self._client.request(
            method,
            url,
            headers=headers,
            params=params,
            content=content,
            timeout_seconds=timeout_seconds,
            credential=credential,
            ready=self._ready,
        )

    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        silence_seconds: float = 30.0,
    ) -> OpenAnswer:
        """As `SafeHttpClient.open`."""
        return await self._client.open(
            method, url, headers=headers, content=content, silence_seconds=silence_seconds, ready=self._ready
        )

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """As `SafeHttpClient.addresses`."""
        return await self._client.addresses(host, port)

    async def ready(self) -> None:
        """Return when the worker surely has the right to act."""
        await self._ready()


def _before_sending(ready: Ready) -> Callable[[str, object], Awaitable[None]]:
    """What httpcore calls at each step of a request."""

    async def trace(step: str, _: object) -> None:
        if step.endswith(".send_request_headers.started"):
            await ready()

    return trace


class _Transport(httpx.AsyncBaseTransport):
    """Carries httpx's requests over connections of the guarded backend."""

    def __init__(self, backend: _GuardedBackend) -> None:
        self._backend = backend
        self._opened: httpcore.AsyncConnectionPool | None = None
        self._opening = asyncio.Lock()

    async def pool(self) -> httpcore.AsyncConnectionPool:
        """Opened when first needed, and in a thread: loading the certificates takes a while."""
        async with self._opening:
            if self._opened is None:
                self._opened = httpcore.AsyncConnectionPool(
                    ssl_context=await asyncio.to_thread(httpx.create_ssl_context),
                    max_connections=MAX_CONNECTIONS,
                    max_keepalive_connections=50,
                    keepalive_expiry=30.0,
                    network_backend=self._backend,
                )
        return self._opened

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pool = await self.pool()
        answer = await pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        assert isinstance(answer.stream, AsyncIterable)  # noqa: S101 - an async pool gives async streams
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()


class _Body(httpx.AsyncByteStream):
    """A body as it arrives."""

    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def _prove(request: httpx.Request, proofs: Mapping[str, str], hosts: Sequence[str]) -> None:
    """The headers of a credential where they may go; a redirect has brought them along to where they may not."""
    for name in proofs:
        request.headers.pop(name, None)
    if proofs and may_be_sent(hosts, request.url):
        request.headers.update(proofs)


def _check_target(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https") or not url.host:
        raise BlockError(f"{_shown(url)} must begin with http:// or https:// and name a host.", retry=False)
    if "%" in url.host or " " in url.host or not 0 < (url.port or 80) < 65_536:
        raise BlockError(f"{_shown(url)} has no valid host and port.", retry=False)


def _shown(url: httpx.URL) -> str:
    """The address for messages, without password and query, where secrets are."""
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))[:200]


def _broken(url: httpx.URL, error: Exception, silence_seconds: float) -> BlockError:
    """What became of an answer that is read as it comes, in words."""
    if isinstance(error, httpcore.ReadTimeout | httpcore.WriteTimeout):
        return BlockError(f"{_shown(url)} sent nothing for {silence_seconds:g} seconds.")
    if isinstance(error, httpcore.RemoteProtocolError | httpcore.ReadError):
        return BlockError(f"{_shown(url)} broke off in the middle of its answer.")
    return _unreachable(_shown(url), error)


def _unreachable(url: str, error: Exception) -> BlockError:
    """The error in words; what another attempt cannot mend is not retried."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return BlockError(f"{url} has no valid certificate: {cause.verify_message}.", retry=False)
    if isinstance(error, httpcore.LocalProtocolError | httpx.UnsupportedProtocol):
        return BlockError(f"{url} cannot be requested: {error}.", retry=False)
    if isinstance(error, httpcore.TimeoutException):
        return BlockError(f"{url} cannot be reached: no connection within {CONNECT_SECONDS:g} seconds.")
    return BlockError(f"{url} cannot be reached: {str(error).rstrip('.') or type(error).__name__}.")
