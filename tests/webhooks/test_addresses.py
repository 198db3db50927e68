"""Which IP addresses are public, and which forms of an address hide one that is not."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.domain.addresses import place_of

ip = ipaddress.ip_address
V4 = st.ip_addresses(v=4).map(lambda a: ipaddress.IPv4Address(str(a)))
V6 = st.ip_addresses(v=6).map(lambda a: ipaddress.IPv6Address(str(a)))
SPECIAL_4 = st.sampled_from(
    [ipaddress.ip_network(n) for n in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
    )]
).flatmap(lambda n: st.integers(int(n[0]), int(n[-1])).map(ipaddress.IPv4Address))  # fmt: skip


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("8.8.8.8", "public"), ("2606:4700::1111", "public"), ("64:ff9b::808:808", "public"),
        ("127.0.0.1", "loopback"), ("127.255.255.254", "loopback"), ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"), ("10.0.0.1", "private"), ("172.31.255.255", "private"),
        ("192.168.1.1", "private"), ("100.64.0.1", "private"), ("fd12::1", "private"), ("::ffff:10.0.0.1", "private"),
        ("::ffff:0:10.0.0.1", "private"), ("169.254.169.254", "metadata"), ("::ffff:169.254.169.254", "metadata"),
        ("64:ff9b::a9fe:a9fe", "metadata"), ("fd00:ec2::254", "metadata"), ("168.63.129.16", "metadata"),
        ("100.100.100.200", "metadata"), ("169.254.1.1", "link-local"), ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"), ("224.0.0.1", "multicast"), ("ff02::1", "multicast"), ("0.0.0.0", "reserved"),
        ("255.255.255.255", "reserved"), ("::", "reserved"), ("::7f00:1", "reserved"), ("2002:7f00:1::", "reserved"),
        ("2001:0:7f00:1::", "reserved"), ("64:ff9b:1::7f00:1", "reserved"), ("fec0::1", "reserved"),
    ],
)  # fmt: skip
def test_an_address_is_placed(address: str, place: str) -> None:
    assert place_of(ip(address)) == place


@given(st.one_of(V4, V6, SPECIAL_4))
def test_what_is_public_is_global_by_the_standard_library_too(address: ipaddress.IPv4Address) -> None:
    if place_of(address) == "public" and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert address.is_global
        assert not address.is_multicast


@given(st.one_of(V4, SPECIAL_4), st.sampled_from(["::ffff:0:0", "::ffff:0:0:0", "64:ff9b::"]))
def test_an_ipv6_form_changes_nothing(address: ipaddress.IPv4Address, prefix: str) -> None:
    disguised = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(address))
    assert place_of(disguised) == place_of(address)


@given(SPECIAL_4)
def test_nothing_special_is_public(address: ipaddress.IPv4Address) -> None:
    assert place_of(address) != "public"
