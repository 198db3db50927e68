"""Which Host and Origin headers the MCP endpoints accept (protection from DNS rebinding)."""

from __future__ import annotations

from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings

from fraudray.settings import Settings

BODY_MAX = 1024 * 1024
"""Bytes of one MCP request: evidence for a case may be larger than a transaction."""


def transport_security(settings: Settings) -> TransportSecuritySettings:
    """What the settings allow, and the public address. `name:*` is the name with any port, or with none."""
    hosts, origins = list(settings.allowed_hosts), list(settings.allowed_origins)
    if settings.public_url:
        public = urlsplit(settings.public_url)
        hosts.append(public.netloc)
        origins.append(f"{public.scheme}://{public.netloc}")
    return TransportSecuritySettings(allowed_hosts=_without_port_too(hosts), allowed_origins=_without_port_too(origins))


def _without_port_too(names: list[str]) -> list[str]:
    """The SDK reads `name:*` as a name with a port: a client on port 80 or 443 sends none."""
    return list(dict.fromkeys(name for given in names for name in (given, given.removesuffix(":*"))))
