"""A real HTTP server on 127.0.0.1 for the client's tests, and a client that finds any name there."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Request:
    """What arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Answers each path with given bytes; the rest is 404."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    #: Set when a request for `/slow` has arrived.
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str, host: str = "allowed.test") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().rstrip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append(Request(line, headers, body))
                path = line.split()[1].partition("?")[0]
                if path == "/slow":
                    self.slow.set()
                    await reader.read()  # until the client gives up
                    return
                writer.write(self.answers.get(path, response(b"", status=404)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def response(body: bytes, *, status: int = 200, kind: str = "text/plain", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return response(b"moved", status=status, Location=location)


#: A certificate for `allowed.test` that signs itself, and its key.
CERTIFICATE = Path(__file__).parent / "allowed.test.pem"


def tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


@asynccontextmanager
async def serving(certificate: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=certificate)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def resolver(addresses: dict[str, list[list[str]]]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver whose names answer with one list after another; the last one stays."""
    left = {name: list(answers) for name, answers in addresses.items()}

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host not in left:
            raise socket.gaierror
        return left[host].pop(0) if len(left[host]) > 1 else left[host][0]

    return resolve
