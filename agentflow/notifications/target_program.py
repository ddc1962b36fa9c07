"""The process that calls an Apprise target: JSON in, JSON out, and no connection to anything private.

Apprise's many services use clients of their own, so what they connect to is checked where all of them come by: Python
asks an audit hook before each connection, with the very address. Run as `python -m agentflow.notifications.target_program`.
"""

import contextlib
import io
import ipaddress
import json
import logging
import socket
import sys
from collections.abc import Sequence
from typing import Any

from blocks.addresses import AllowList

#: What a message needs no more than the programs that these would start.
FORBIDDEN = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"}
)
CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class Refused(OSError):
    """The address is private, and blocks and notifications may not reach it."""


class Guard:
    """Refuses connections to private addresses, except those that an administrator allows."""

    def __init__(self, allow: Sequence[str]) -> None:
        self._allow = AllowList.parse(allow)
        #: By which names addresses were asked for: an administrator may have allowed a name.
        self._names: dict[str, set[str]] = {}
        self.refused: str | None = None

    def install(self) -> None:
        """From now on; nothing takes it away again."""
        resolve = socket.getaddrinfo

        def noting(host: Any, *args: Any, **more: Any) -> Any:
            found = resolve(host, *args, **more)
            name = host.decode() if isinstance(host, bytes) else str(host)
            for entry in found:
                self._names.setdefault(str(entry[4][0]), set()).add(name)
            return found

        socket.getaddrinfo = noting
        sys.addaudithook(self.check)

    def check(self, event: str, args: tuple[Any, ...]) -> None:
        """Called by Python before it does something."""
        if event in FORBIDDEN:
            raise Refused("no program is started here")
        if event in CONNECTING:
            self._check_address(args[1])

    def _check_address(self, address: Any) -> None:
        if address is None:
            return  # connected already, and checked then
        if not isinstance(address, tuple):
            self.refused = str(address)[:100]
            raise Refused("sockets of this machine cannot be reached")
        host, port = str(address[0]), int(address[1])
        try:
            found = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            found = ipaddress.ip_address(socket.getaddrinfo(host, port)[0][4][0])
        names = {*self._names.get(host, ()), host}
        if not any(self._allow.allows(name, port, found) for name in names):
            self.refused = f"{min(names, key=len)}:{port}"
            raise Refused("the address is private")


def main() -> None:
    """Send what the input says; the output says what became of it."""
    order = json.load(sys.stdin)
    print(json.dumps(sent(order)))  # noqa: T201 - the answer


def sent(order: dict[str, Any]) -> dict[str, Any]:
    """Send it: `error` is empty if it got there, `retry` says whether another try may help."""
    with contextlib.redirect_stdout(io.StringIO()):  # whatever services print is no answer
        import apprise

        logging.disable(logging.CRITICAL)  # its lines name the address
        target = apprise.Apprise.instantiate(order["url"], suppress_exceptions=True)
        if target is None:
            return _failed("Apprise does not know such an address, or something is missing in it.", retry=False)
        guard = Guard(order["allow"])
        guard.install()
        try:
            is_sent = target.notify(title=order["title"], body=order["body"], body_format="text")
        except Exception as error:  # noqa: BLE001 - services raise anything
            is_sent, reason = False, type(error).__name__
        else:
            reason = ""
    if guard.refused:
        host = guard.refused
        return _failed(
            f"{host} is not on the open internet. An administrator can allow it: AGENTFLOW_HTTP_ALLOW={host}.",
            retry=False,
        )
    if not is_sent:
        return _failed(f"The service did not take it{f' ({reason})' if reason else ''}.", retry=True)
    return {"error": "", "retry": False}


def _failed(error: str, *, retry: bool) -> dict[str, Any]:
    return {"error": error, "retry": retry}


if __name__ == "__main__":
    main()
