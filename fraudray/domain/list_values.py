"""What lists are kept of, and the one form in which each kind of value is compared."""

from __future__ import annotations

import ipaddress
import re
import socket
from enum import StrEnum
from functools import lru_cache

import idna
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from fraudray.domain.cards import mask
from fraudray.domain.text import Identifier, fold, has_control_characters

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MERCHANT_MAX = 200
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_MCC = re.compile(r"mcc:\s*(\d{4})", re.ASCII | re.IGNORECASE)


class Kind(StrEnum):
    """What an entry is about."""

    CUSTOMER = "customer"
    INSTRUMENT = "instrument"
    DEVICE = "device"  # a device's id or fingerprint
    ADDRESS = "address"  # an IP address or a network in CIDR form
    MERCHANT = "merchant"  # a name, whatever its case and accents, or `mcc:5944`
    TERMINAL = "terminal"
    EMAIL_DOMAIN = "email_domain"  # with all domains below it


def normalise(kind: Kind, value: str) -> str:
    """`value` in the form in which it is compared. Raises PydanticCustomError, never repeating the value."""
    if has_control_characters(value):
        raise PydanticCustomError("control_character", "contains a control character")
    match kind:
        case Kind.ADDRESS:
            return _network_text(network(value.strip()))
        case Kind.MERCHANT:
            return _merchant(value.strip())
        case Kind.EMAIL_DOMAIN:
            return _email_domain(value.strip().removeprefix("@"))
        case _:
            return _identifier(value)


def _identifier(value: str) -> str:
    try:
        return _IDENTIFIER.validate_python(value)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise PydanticCustomError("identifier", "{why}", {"why": detail["msg"]}) from None


def network(text: str) -> Network:
    """The network of an address or CIDR text; IPv4 written as IPv6 (`::ffff:…`) is IPv4."""
    if "%" in text:
        raise PydanticCustomError("address", "has a zone, which only its own machine knows")
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            raise PydanticCustomError(
                "address_host_bits", "has bits set beyond its prefix; write the first address of the network"
            ) from None
        raise PydanticCustomError("address", "is no IPv4 or IPv6 address and no network such as 192.0.2.0/24") from None
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= 96:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            found = ipaddress.IPv4Network((int(mapped), found.prefixlen - 96))
    if found.prefixlen == 0:
        raise PydanticCustomError("address_all", "covers every address there is")
    return found


def _network_text(found: Network) -> str:
    whole = found.prefixlen == found.max_prefixlen
    return str(found.network_address) if whole else str(found)


def address(text: str) -> tuple[int, int]:
    """The version and number of a transaction's address; IPv4 written as IPv6 is IPv4. Faster than `ipaddress`."""
    if ":" not in text:
        return 4, int.from_bytes(socket.inet_pton(socket.AF_INET, text))
    number = int.from_bytes(socket.inet_pton(socket.AF_INET6, text.partition("%")[0]))
    return (4, number & 0xFFFFFFFF) if number >> 32 == 0xFFFF else (6, number)


def _merchant(value: str) -> str:
    code = _MCC.fullmatch(value)
    if code is not None:
        return f"mcc:{code[1]}"
    if value.casefold().startswith("mcc:"):
        raise PydanticCustomError("mcc", "is no merchant category code; write mcc: and four digits")
    if len(value) > MERCHANT_MAX:
        raise PydanticCustomError("too_long", "a merchant's name has 200 characters at most")
    if mask(value) != value:
        raise PydanticCustomError("card_number", "contains a card number")
    folded = merchant_key(value)
    if not folded:
        raise PydanticCustomError("merchant", "is no name")
    return folded


@lru_cache(10_000)
def merchant_key(name: str) -> str:
    """A merchant's name as lists compare it."""
    return fold(name).strip()


def _email_domain(value: str) -> str:
    if "@" in value:
        raise PydanticCustomError("email_domain", "is an address; write only what stands behind the @")
    found = domain_key(value)
    if found is None:
        raise PydanticCustomError("email_domain", "is no domain name")
    if "." not in found:
        raise PydanticCustomError("email_domain_top", "is a whole top-level domain; name one below it")
    return found


@lru_cache(10_000)
def domain_key(domain: str) -> str | None:
    """A domain as lists compare it: ASCII (IDNA 2008), lower case, no dot at the end. None for what is no domain."""
    try:
        return idna.encode(domain.removesuffix("."), uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        return None
