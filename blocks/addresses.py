"""Which network addresses a block may reach: the public ones, and those that an administrator allows."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: IPv6 addresses that carry an IPv4 address in their last 32 bits (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: The only IPv6 addresses that are assigned for use across the internet (RFC 4291).
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Transition mechanisms that hide another address (RFC 4380, 3056).
_TUNNELS = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("2002::/16"))

_ENTRY = re.compile(r"(?P<host>\[[^\]]+\](?:/\d+)?|[^:\s]+|[0-9A-Fa-f:.]+(?:/\d+)?)(?::(?P<port>\d{1,5}))?")


def is_public(address: Address) -> bool:
    """Whether the address is one of the open internet.

    Not: loopback, private, link-local (cloud metadata among them), shared (RFC 6598), multicast, reserved,
    unspecified, documentation, and IPv6 forms that carry such an IPv4 address.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or (_last_bits(address) if address in _NAT64 else None)
        if inner is not None:
            return is_public(inner)
        if address not in _GLOBAL_UNICAST or any(address in network for network in _TUNNELS):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _last_bits(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)


@dataclass(frozen=True, slots=True)
class AllowList:
    """Hosts that may be reached although their addresses are not public; each with a port or for all ports (0)."""

    names: frozenset[tuple[str, int]] = frozenset()
    #: `example.com` of `*.example.com`.
    suffixes: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[tuple[Network, int], ...] = field(default=())

    @classmethod
    def parse(cls, entries: Sequence[str]) -> "AllowList":
        """The list from entries such as `intranet.example`, `*.corp.example:8080`, `10.0.0.0/8`, `[::1]:9000`.

        Raises:
            ValueError: an entry is none of these; the message names it.
        """
        names, suffixes, networks = set(), set(), []
        for entry in entries:
            host, port = _split(entry.strip().lower())
            network = _network(host)
            if network is not None:
                networks.append((network, port))
            elif host.startswith("*."):
                suffixes.add((host[2:], port))
            else:
                names.add((host.rstrip("."), port))
        return cls(frozenset(names), frozenset(suffixes), tuple(networks))

    def allows(self, host: str, port: int, address: Address) -> bool:
        """Whether this address of the host may be reached at the port."""
        return is_public(address) or self._names(host.lower().rstrip("."), port) or self._covers(address, port)

    def _names(self, host: str, port: int) -> bool:
        if {(host, port), (host, 0)} & self.names:
            return True
        parents = (host.split(".", count)[-1] for count in range(1, host.count(".") + 1))
        return any({(parent, port), (parent, 0)} & self.suffixes for parent in parents)

    def _covers(self, address: Address, port: int) -> bool:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        plain = mapped or address
        return any(only in (0, port) and plain in network for network, only in self.networks)


def _split(entry: str) -> tuple[str, int]:
    """Host and port of an entry; the port is 0 when none is named."""
    match = _ENTRY.fullmatch(entry)
    bare_ipv6 = entry.count(":") > 1 and not entry.startswith("[")
    if bare_ipv6 or match is None:
        if bare_ipv6 and _network(entry) is not None:
            return entry, 0
        raise ValueError(f"{entry!r} is no host, address or network with an optional :port")
    port = int(match["port"] or 0)
    if port > 65_535:
        raise ValueError(f"{entry!r} has no valid port")
    return match["host"].replace("[", "").replace("]", ""), port


def _network(host: str) -> Network | None:
    try:
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        if "/" in host:
            raise ValueError(f"{host!r} is no network") from None
        return None
