"""Which addresses are public, and what an allow list allows."""

from ipaddress import ip_address

import pytest

from blocks.addresses import AllowList, is_public


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_open_internet(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - refused, not bound
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_not_the_open_internet(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "allowed"),
    [
        ("intranet.example", "intranet.example", 80, "10.0.0.1", True),
        ("Intranet.Example", "intranet.example.", 80, "10.0.0.1", True),
        ("intranet.example", "evil-intranet.example", 80, "10.0.0.1", False),
        ("intranet.example:8080", "intranet.example", 80, "10.0.0.1", False),
        ("intranet.example:8080", "intranet.example", 8080, "10.0.0.1", True),
        ("*.corp.example", "a.b.corp.example", 80, "10.0.0.1", True),
        ("*.corp.example", "corp.example", 80, "10.0.0.1", False),
        ("10.0.0.0/8", "anything", 80, "10.9.9.9", True),
        ("10.0.0.0/8", "anything", 80, "11.9.9.9", True),
        ("10.0.0.0/8", "anything", 80, "192.168.0.1", False),
        ("10.0.0.0/8:443", "anything", 80, "10.9.9.9", False),
        ("127.0.0.1:9000", "localhost", 9000, "127.0.0.1", True),
        ("127.0.0.1:9000", "localhost", 9000, "::ffff:127.0.0.1", True),
        ("127.0.0.1:9000", "localhost", 9001, "127.0.0.1", False),
        ("::1", "localhost", 80, "::1", True),
        ("[::1]:9000", "localhost", 9000, "::1", True),
        ("[::1]:9000", "localhost", 80, "::1", False),
        ("fd00::/8", "anything", 80, "fd12::1", True),
        ("[fd00::]/8:81", "anything", 81, "fd12::1", True),
    ],
)
def test_allow_list(entry: str, host: str, port: int, address: str, *, allowed: bool) -> None:
    assert AllowList.parse([entry]).allows(host, port, ip_address(address)) is allowed


@pytest.mark.parametrize("entry", ["", "a b", "10.0.0.0/99", "host:99999", "http://host/", "host:port"])
def test_entries_that_are_no_hosts_are_named(entry: str) -> None:
    with pytest.raises(ValueError, match="no "):
        AllowList.parse([entry])
