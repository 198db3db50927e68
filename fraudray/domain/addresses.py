"""What kind of place an IP address is, for what may be connected to. Everything that is not plainly public is named."""

from __future__ import annotations

import ipaddress
from typing import Literal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Place = Literal["public", "loopback", "private", "metadata", "link-local", "multicast", "reserved"]

# Services of clouds that hand out credentials to whoever can connect: AWS, GCP and Azure (link-local, and AWS's and
# Azure's others), Alibaba, Oracle.
_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in ("169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200", "192.0.0.192")
)
# RFC 6890 and its successors (the IANA special-purpose registries); 100.64/10 is RFC 6598, fc00::/7 RFC 4193.
_PLACES: tuple[tuple[Place, tuple[str, ...]], ...] = (
    ("loopback", ("127.0.0.0/8", "::1/128")),
    ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")),
    ("link-local", ("169.254.0.0/16", "fe80::/10")),
    ("multicast", ("224.0.0.0/4", "ff00::/8")),
    (
        "reserved",
        (
            "0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ),
    ),
)  # fmt: skip
_RANGES = [(place, ipaddress.ip_network(network)) for place, networks in _PLACES for network in networks]
_GLOBAL_6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_MAPPED = (ipaddress.ip_network("::ffff:0:0/96"), ipaddress.ip_network("::ffff:0:0:0/96"))


def place_of(address: Address) -> Place:
    """Where `address` leads. An IPv6 form of an IPv4 address (mapped, translated, NAT64) is judged as that; tunnels
    (6to4, Teredo) are `reserved`."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return "link-local"
        if address in _NAT64 or any(address in network for network in _MAPPED):
            return place_of(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address in _METADATA:
        return "metadata"
    for place, network in _RANGES:
        if address.version == network.version and address in network:
            return place
    # IPv6 hands out addresses from 2000::/3 alone.
    return "public" if address.version == 4 or address in _GLOBAL_6 else "reserved"
