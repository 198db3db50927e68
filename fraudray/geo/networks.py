"""What is known about an IP address: the kind of network, its operator, the country.

The kinds come from a dated list file that a bank can replace with its own; what is not on the list is "unlisted",
which is the absence of evidence and not "a home connection".
"""

from __future__ import annotations

import csv
import gzip
import ipaddress
import socket
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import resources
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

import maxminddb

Kind = Literal["private", "reserved", "tor", "vpn", "proxy", "relay", "satellite", "hosting", "cdn", "unlisted"]
ListedKind = Literal["tor", "vpn", "proxy", "relay", "satellite", "hosting", "cdn"]

CACHE_ADDRESSES = 65_536
RANGES_MAX = 2_000_000
# RFC 1918, RFC 6598 (shared by carriers) and RFC 4193.
_INSIDE = tuple(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
LISTED_KINDS = frozenset(get_args(ListedKind))
_BITS_4, _BITS_6 = 32, 128
HEADER = ("range", "kind", "provider")


class NetworkListError(ValueError):
    """A list file or country file cannot be read; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """What the files say about one address.

    "private" is an address that only means something inside a network (RFC 1918, RFC 4193, RFC 6598, link-local,
    loopback); "reserved" is any other that is not routed on the internet. `provider` and `country_code` (ISO 3166-1
    alpha-2) are None where unknown. `list_date` is the date of the list of kinds.
    """

    kind: Kind
    provider: str | None
    country_code: str | None
    list_date: date


class ListedRange(NamedTuple):
    """First and last address as integers of one IP version, and what the list says of them."""

    first: int
    last: int
    kind: ListedKind
    provider: str | None


class _Table:
    """Disjoint sorted ranges of one IP version, looked up by bisection."""

    def __init__(self, ranges: list[ListedRange], *, wide: bool) -> None:
        disjoint = _disjoint(ranges)
        # 128-bit numbers do not fit a machine array.
        self._firsts: array[int] | list[int] = (
            [r.first for r in disjoint] if wide else array("I", [r.first for r in disjoint])
        )
        self._lasts: array[int] | list[int] = (
            [r.last for r in disjoint] if wide else array("I", [r.last for r in disjoint])
        )
        says = sorted({(r.kind, r.provider or "") for r in disjoint})
        number = {said: n for n, said in enumerate(says)}
        self._says = [(kind, provider or None) for kind, provider in says]
        self._said = array("I", [number[r.kind, r.provider or ""] for r in disjoint])

    def __len__(self) -> int:
        return len(self._said)

    def find(self, address: int) -> tuple[ListedKind, str | None] | None:
        """What is said of an address, None if nothing is."""
        index = bisect_right(self._firsts, address) - 1
        if index < 0 or address > self._lasts[index]:
            return None
        return self._says[self._said[index]]


class AddressBook:
    """The list of networks and the country database, loaded once; safe to share between threads."""

    def __init__(self, networks_path: Path | None = None, countries_path: Path | None = None) -> None:
        """Load the packaged files or others of the same format: see `read_list`, and any country mmdb.

        Raises NetworkListError.
        """
        data = resources.files("fraudray.data")
        listed = networks_path or Path(str(data / "networks.csv.gz"))
        self.list_date, four, six = read_list(listed)
        self._part_dates = read_parts(listed)
        self._four, self._six = _Table(four, wide=False), _Table(six, wide=True)
        path = countries_path or Path(str(data / "countries.mmdb"))
        try:
            self._countries = maxminddb.open_database(path, maxminddb.MODE_MMAP)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise NetworkListError(f"{path.name} is not a country database: {error}") from error
        self.countries_date = datetime.fromtimestamp(self._countries.metadata().build_epoch, UTC).date()
        self._cached = lru_cache(maxsize=CACHE_ADDRESSES)(self._look_up)

    def __len__(self) -> int:
        """The number of listed ranges."""
        return len(self._four) + len(self._six)

    def look_up(self, ip: str) -> AddressFacts:
        """The facts of an IPv4 or IPv6 address; an IPv4 address written as IPv6 counts as IPv4.

        Raises ValueError if the text is not an address.
        """
        return self._cached(ip.strip())

    def close(self) -> None:
        """Close the country database."""
        self._countries.close()

    def _look_up(self, ip: str) -> AddressFacts:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(ip)
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or ipaddress.IPv6Address(int(address))  # without its scope id
        if not address.is_global or address.is_multicast:
            return AddressFacts(_unrouted(address), None, None, self.list_date)
        found = (self._four if address.version == 4 else self._six).find(int(address))
        kind, provider = found or ("unlisted", None)
        return AddressFacts(kind, provider, self._country(address), self._date_of(kind, provider))

    def _date_of(self, kind: str, provider: str | None) -> date:
        dates = self._part_dates
        return dates.get(provider or "") or dates.get(kind) or self.list_date

    def _country(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str | None:
        try:
            row = self._countries.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return None
        return country_in(row)


def country_in(row: object) -> str | None:
    """The country of a row in either layout in use: MaxMind's {"country": {"iso_code": …}} or a flat "country_code"."""
    if not isinstance(row, dict):
        return None
    nested = row.get("country")
    code = row.get("country_code") or (nested.get("iso_code") if isinstance(nested, dict) else nested)
    return code if isinstance(code, str) and len(code) == 2 and code != "ZZ" else None


def _unrouted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Literal["private", "reserved"]:
    """Which of the two an address that the internet does not carry is."""
    if address.is_loopback or address.is_link_local:
        return "private"
    return "private" if any(address in network for network in _INSIDE) else "reserved"


def read_list(path: Path) -> tuple[date, list[ListedRange], list[ListedRange]]:
    """Read a list file: (its date, IPv4 ranges, IPv6 ranges).

    The file is UTF-8 CSV, plain or gzip. Lines that start with "#" come first, one of them "# date: 2026-10-05"; then
    the header `range,kind,provider`; then a range each: "1.2.3.0/24", "1.2.3.4" or "1.2.3.0-1.2.4.255", a kind of
    `ListedKind`, a provider or nothing. Where ranges overlap the narrowest counts. Raises NetworkListError.
    """
    try:
        raw = path.read_bytes()
        lines = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig").splitlines()
        notes = list(takewhile(lambda line: line.startswith("#"), lines))
        listed_on = _list_date(notes)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise NetworkListError(f"{path.name}: {error}") from error
    rows = csv.reader(lines[len(notes) :])
    if tuple(next(rows, ())) != HEADER:
        raise NetworkListError(f"{path.name} must have the header {','.join(HEADER)}")
    if len(lines) > RANGES_MAX:
        raise NetworkListError(f"{path.name} has more than {RANGES_MAX} lines")
    four: list[ListedRange] = []
    six: list[ListedRange] = []
    try:
        for row in rows:
            if row:
                written, kind, provider = row
                if kind not in LISTED_KINDS:
                    raise ValueError(f"{kind!r} is not one of {', '.join(sorted(LISTED_KINDS))}")
                first, last, bits = bounds(written)
                listed = ListedRange(first, last, cast("ListedKind", kind), provider or None)
                (four if bits == _BITS_4 else six).append(listed)
    except (ValueError, csv.Error) as error:
        raise NetworkListError(f"{path.name}, line {len(notes) + rows.line_num}: {error}") from error
    return listed_on, four, six


def read_parts(path: Path) -> dict[str, date]:
    """The parts of a list file that have a date of their own: "# part: tor | 2026-11-25 | source" for all of a kind,
    "# part: Amazon AWS | …" for one provider's. Raises NetworkListError."""
    found: dict[str, date] = {}
    try:
        zipped = path.read_bytes()[:2] == b"\x1f\x8b"
        with gzip.open(path, "rt", encoding="utf-8-sig") if zipped else path.open(encoding="utf-8-sig") as lines:
            for line in takewhile(lambda line: line.startswith("#"), lines):
                label, _, value = line.lstrip("# ").partition(":")
                if label.strip() == "part":
                    what, day = value.split("|")[:2]
                    found[what.strip()] = date.fromisoformat(day.strip())
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise NetworkListError(f"{path.name}: {error}") from error
    return found


def _list_date(notes: list[str]) -> date:
    """The date among the first lines. Raises ValueError."""
    for note in notes:
        name, _, value = note.lstrip("# ").partition(":")
        if name.strip().lower() == "date":
            return date.fromisoformat(value.strip())
    raise ValueError("no line '# date: YYYY-MM-DD' at the top")


def bounds(written: str) -> tuple[int, int, int]:
    """(first address, last address, bits of an address) of a written range. Raises ValueError."""
    low, dash, high = written.partition("-")
    if dash:
        (first, bits), (last, last_bits) = _number(low), _number(high)
        if bits != last_bits or first > last:
            raise ValueError(f"{written!r} is not a range")
        return first, last, bits
    base, slash, length = written.partition("/")
    first, bits = _number(base)
    if not slash:
        return first, first, bits
    if not (length.isascii() and length.isdigit() and int(length) <= bits):
        raise ValueError(f"{written!r} is not a network")
    size = 1 << (bits - int(length))
    first -= first % size
    return first, first + size - 1, bits


def _number(written: str) -> tuple[int, int]:
    """(address, bits of an address); ten times as fast as `ipaddress`, which matters for a whole list."""
    family, bits = (socket.AF_INET6, _BITS_6) if ":" in written else (socket.AF_INET, _BITS_4)
    try:
        return int.from_bytes(socket.inet_pton(family, written.strip())), bits
    except OSError as error:
        raise ValueError(f"{written!r} is not an address") from error


def _disjoint(ranges: Iterable[ListedRange]) -> list[ListedRange]:
    """Sorted and without overlaps: a narrower range is cut out of a wider one."""
    rows = sorted(ranges, key=lambda r: (r.first, -r.last))
    if all(before.last < after.first for before, after in pairwise(rows)):
        return rows
    # Sweep over all borders: between two of them the narrowest open range speaks.
    edges = sorted({edge for r in rows for edge in (r.first, r.last + 1)})
    out: list[ListedRange] = []
    open_rows: list[ListedRange] = []
    index = 0
    for start, stop in pairwise(edges):
        while index < len(rows) and rows[index].first <= start:
            open_rows.append(rows[index])
            index += 1
        open_rows = [r for r in open_rows if r.last >= start]
        if open_rows:
            said = min(open_rows, key=lambda r: (r.last - r.first, r.kind, r.provider or ""))
            out.append(ListedRange(start, stop - 1, said.kind, said.provider))
    return list(_joined(out))


def _joined(rows: list[ListedRange]) -> Iterator[ListedRange]:
    """Neighbours that say the same become one."""
    held: ListedRange | None = None
    for row in rows:
        if held is not None and held.last + 1 == row.first and held[2:] == row[2:]:
            held = held._replace(last=row.last)
            continue
        if held is not None:
            yield held
        held = row
    if held is not None:
        yield held
