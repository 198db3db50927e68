"""Where webhooks may go: the address as written, the allow-list of hosts, and the IP addresses behind them."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from fraudray.domain.addresses import Place, place_of
from fraudray.domain.cards import contains_card_number
from fraudray.domain.errors import SettingsError

# Strict, so that no other reader of the address (resolver, TLS, receiver's proxy) can see another host in it.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(:(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][!-~]*)?",
    re.IGNORECASE,
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ENTRY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9.-]+)(:(?P<port>[0-9]{1,5}|\*))?", re.IGNORECASE)
_USUAL_PORTS = {"https": 443, "http": 80}


class NotAllowed(Exception):
    """An address that nothing is sent to: a stable code and why, in words."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


class Unresolved(NotAllowed):
    """The host has no IP address just now."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart: `host` in lower case and without brackets, `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """Host and, where it is not the usual one, port, as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Target:
    """The parts of an http or https address. Raises NotAllowed."""
    if "@" in url.split("://", 1)[-1].split("/", 1)[0]:
        raise NotAllowed("url_credentials", "carries credentials; an address must not")
    if contains_card_number(url):
        raise NotAllowed("card_number", "contains a card number")
    if "#" in url:
        raise NotAllowed("url_fragment", "has a fragment (#), which is never sent")
    found = _URL.fullmatch(url)
    if found is None:
        raise NotAllowed("url_parsing", "is not of the form https://host[:port]/path in ASCII (a host as xn--…)")
    scheme = found["scheme"].lower()
    port = int(found["port"] or _USUAL_PORTS[scheme])
    if not 1 <= port <= 65535:
        raise NotAllowed("url_port", "has a port outside 1-65535")
    target = found["target"] or "/"
    return Target(scheme, _host(found["host"].lower()), port, target if target.startswith("/") else "/" + target)


def _host(host: str) -> str:
    """A checked host name or canonical IP address."""
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            raise NotAllowed("url_host", "has no valid IPv6 address in its brackets") from None
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # what resolvers would read as an address, in decimal, octal or hex
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise NotAllowed("url_host", "writes an IP address in a form other than four decimal numbers") from None
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise NotAllowed("url_host", "has no valid host name")
    return host


class HostRules:
    """The allow-list: `name`, `*.name` (its subdomains), `192.0.2.1` or `[2001:db8::1]`, each for the usual port of the
    scheme, or with `:port`, or `:*` for any port."""

    def __init__(self, entries: Iterable[str]) -> None:
        """Raises SettingsError naming the entry that is none."""
        self._entries = [_entry(entry) for entry in entries]

    def check(self, target: Target) -> None:
        """Raises NotAllowed when no entry allows the host and port."""
        if not self._entries:
            raise NotAllowed("host_not_allowed", "no host is allowed yet: set FRAUDRAY_WEBHOOK_HOSTS")
        for host, port in self._entries:
            named = target.host.endswith(host[1:]) if host.startswith("*.") else target.host == host
            if named and port in ("*", str(target.port)):
                return
            if named and port is None and target.port == _USUAL_PORTS[target.scheme]:
                return
        raise NotAllowed("host_not_allowed", f"{target.netloc} is not among the allowed hosts (FRAUDRAY_WEBHOOK_HOSTS)")


def _entry(entry: str) -> tuple[str, str | None]:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise SettingsError(f"webhook_hosts: {entry!r} is no host; write name, *.name, name:port or name:*")
    host = found["host"].lower()
    try:
        return ("*." if host.startswith("*.") else "") + _host(host.removeprefix("*.")), found["port"]
    except NotAllowed as error:
        raise SettingsError(f"webhook_hosts: {entry!r} {error}") from None


@dataclass(frozen=True, slots=True)
class WebhookRules:
    """Everything an address must meet, when an endpoint is added and again at each sending."""

    hosts: HostRules
    private: bool = False
    insecure: bool = False

    def check(self, target: Target) -> None:
        """What can be told from the address alone. Raises NotAllowed."""
        self.hosts.check(target)
        if target.scheme == "http" and not (self.insecure or self.private):
            raise NotAllowed("https_needed", "must begin with https:// (or set FRAUDRAY_WEBHOOK_INSECURE)")

    def addresses(self, scheme: str, host: str, port: int) -> list[str]:
        """The IP addresses of `host`, all of them allowed. Raises NotAllowed, Unresolved.

        What is connected to must be one of these and not looked up again: the name may lead elsewhere the next moment.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unresolved("host_unknown", f"host {host} cannot be found: {error.strerror or error}") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            self._check_place(scheme, host, place_of(ipaddress.ip_address(address)))
        return addresses

    def _check_place(self, scheme: str, host: str, place: Place) -> None:
        inside = place in ("loopback", "private")
        if inside and not self.private:
            raise NotAllowed("address_not_public", f"{host} is at a {place} address (FRAUDRAY_WEBHOOK_PRIVATE)")
        if not inside and place != "public":
            raise NotAllowed("address_not_public", f"{host} is at a {place} address, which nothing is sent to")
        if scheme == "http" and not inside and not self.insecure:
            raise NotAllowed("https_needed", f"{host} is not inside: it must be https:// (FRAUDRAY_WEBHOOK_INSECURE)")
