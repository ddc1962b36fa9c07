"""The address that browsers use: claimed once by the supervisor, so that a restart of the web process loses nobody."""

import errno
import ipaddress
import socket

from agentflow.processes.errors import PortTaken

BACKLOG = 512
HIGHEST_PORT = 65_535
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  recognised, not used


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        PortTaken: another program has the port, it is not ours to take, there is none, or the host is not of this machine.
    """
    if port > HIGHEST_PORT:
        raise PortTaken(
            f"There is no port {port}: the highest is {HIGHEST_PORT}. Choose another one: PORT=8000 make up."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it. The server takes an inherited socket for a unix one and would not set it: an answer in two
    # parts then waits 40 ms for the acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(_why(host, port, error)) from None
    return listener


def url(host: str, port: int) -> str:
    """What to type into the browser."""
    shown = "127.0.0.1" if host in WILDCARDS else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program; choose another one: PORT={port + 1} make up."
    if error.errno == errno.EACCES:
        return f"Port {port} needs rights that this user lacks; choose one above 1023: PORT=8000 make up."
    return f"{host} is not an address of this machine ({error.strerror}); set HOST to one that is."
