"""Who may in: nobody without a key once keys are in use, or where others than this machine can reach the server."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Callable

from fraudray.domain.access import ANYONE, LOCAL, Principal
from fraudray.domain.api_key import TEXT_MAX, Keyring
from fraudray.domain.errors import Unauthenticated
from fraudray.ports.clock import Clock


class Gate:
    """Tells whom a request is made for. Asked at every request, so that a change of keys is in force at once."""

    def __init__(self, keyring: Keyring, clock: Clock, *, host: str, local_token: str | None = None) -> None:
        """`host` is the address that the server listens on; `local_token` opens everything to its holder."""
        self._keyring, self._clock = keyring, clock
        self._always = not is_loopback(host)
        self._local_token = local_token.encode() if local_token else None

    def admit(self, presented: Callable[[], str | None]) -> Principal:
        """Whom a request is made for; `presented` gives the key that it carries, and is asked only where one is needed.

        Raises Unauthenticated, StoreFailed.
        """
        ring = self._keyring.ring()
        if not self._always and not ring.in_use:
            return ANYONE
        key = presented()
        if key is None:
            raise Unauthenticated("a key is needed: send `Authorization: Bearer <key>`")
        if len(key) > TEXT_MAX or not key.isascii():
            raise Unauthenticated("this is no key of this server")
        if self._local_token and hmac.compare_digest(key.encode(), self._local_token):
            return LOCAL
        now = self._clock.now()
        principal = ring.authenticate(key, now)
        if principal is None or principal.key_id is None:
            raise Unauthenticated("the key is not valid: unknown, revoked or expired")
        self._keyring.used(principal.key_id, now)
        return principal


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`; a name must mean loopback addresses alone."""
    if not host:
        return False  # a server on it listens everywhere
    try:
        addresses = {ipaddress.ip_address(host)}
    except ValueError:
        try:
            addresses = {ipaddress.ip_address(str(found[4][0])) for found in socket.getaddrinfo(host, 0)}
        except (OSError, ValueError):
            return False
    return bool(addresses) and all(_loops(address) for address in addresses)


def _loops(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
