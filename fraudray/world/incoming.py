"""A file as somebody downloaded it: bounded, unpacked, and of which form it is."""

from __future__ import annotations

import gzip
import io
import ipaddress
import json
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from fraudray.domain.errors import DataFileError
from fraudray.geo import networks
from fraudray.world import countries, merchants
from fraudray.world.kinds import BYTES_MAX, Kind
from fraudray.world.tables import Table, read_table

RATES_HEADER = ("currency", "units_per_usd")
RATES_HEADER_DATED = (*RATES_HEADER, "as_of")
GEONAMES_COLUMNS = 19
_TAIL = 128 * 1024  # where MaxMind's format has its metadata
_MMDB_MARK = b"\xab\xcd\xefMaxMind.com"
_SQLITE_MARK = b"SQLite format 3\x00"


class Form(StrEnum):
    """What is taken, in words for people; `kind_of` says what it updates."""

    RATES = "rates CSV (currency,units_per_usd)"
    ECB = "euro reference rates of the ECB (eurofxref.csv)"
    NETWORKS = "networks CSV (range,kind,provider)"
    TOR = "list of Tor exits, one address a line"
    AWS = "ip-ranges.json of AWS"
    GOOGLE = "cloud.json of Google Cloud"
    IP_COUNTRIES = "country database in MaxMind's format (.mmdb)"
    COUNTRIES = "high-risk countries CSV (country,name,status)"
    MCCS = "merchant categories CSV (mcc,description,group)"
    PLACES = "place index (places.sqlite)"
    GEONAMES = "cities of GeoNames (cities1000.txt or .zip)"


KIND_OF: dict[Form, str] = {
    Form.RATES: "rates", Form.ECB: "rates",
    Form.NETWORKS: "networks", Form.TOR: "networks", Form.AWS: "networks", Form.GOOGLE: "networks",
    Form.IP_COUNTRIES: "ip-countries", Form.COUNTRIES: "high-risk-countries", Form.MCCS: "mccs",
    Form.PLACES: "places", Form.GEONAMES: "places",
}  # fmt: skip
_HEADERS = {
    RATES_HEADER: Form.RATES, RATES_HEADER_DATED: Form.RATES, networks.HEADER: Form.NETWORKS,
    countries.HEADER: Form.COUNTRIES, merchants.HEADER: Form.MCCS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What the caller says of a file; it counts before what the file says."""

    date: date | None = None
    source: str | None = None
    licence: str | None = None


class Incoming:
    """The file. Nothing of it is believed yet."""

    def __init__(self, path: Path) -> None:
        """Raises DataFileError for what is no file, is empty, or larger than any list."""
        self.path, self.name = path, path.name
        try:
            if not path.is_file():
                raise DataFileError(f"{path} is not a file")
            self.size = path.stat().st_size
            if self.size > BYTES_MAX:
                raise DataFileError(f"{self.name} has {self.size:,} bytes, of {BYTES_MAX:,} at most")
            with path.open("rb") as file:
                self._head = file.read(4096)
                file.seek(max(0, self.size - _TAIL))
                self._tail = file.read(_TAIL)
        except OSError as error:
            raise DataFileError(f"cannot read {path}: {error.strerror}") from None
        if not self.size:
            raise DataFileError(f"{self.name} is empty")

    def check_size(self, kind: Kind) -> None:
        """Refuse a file that is larger than lists of its kind. Raises DataFileError."""
        size = self.size if kind.name in ("places", "ip-countries") else max(self.size, len(self._unpacked))
        if size > kind.bytes_max:
            raise DataFileError(f"{self.name} has {size:,} bytes; {kind.name} may have {kind.bytes_max:,} at most")

    @cached_property
    def form(self) -> Form:
        """What it is. Raises DataFileError that lists the forms."""
        if self._head.startswith(_SQLITE_MARK):
            return Form.PLACES
        if _MMDB_MARK in self._tail:
            return Form.IP_COUNTRIES
        if self.name.endswith(".mmdb"):
            raise DataFileError(f"{self.name} has no metadata at its end: it is cut off, or no country database")
        return self._text_form()

    @cached_property
    def text(self) -> str:
        """Its text, unpacked. Raises DataFileError for what is not UTF-8."""
        try:
            return self._unpacked.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataFileError(f"{self._no_form()}: it is not text (byte {error.start})") from None

    @cached_property
    def table(self) -> Table:
        """Its rows as CSV. Raises DataFileError."""
        return read_table(self.text, self.name)

    @cached_property
    def json(self) -> dict[str, Any]:
        """Its JSON object. Raises DataFileError naming line and column."""
        try:
            document = json.loads(self.text)
        except json.JSONDecodeError as error:
            raise DataFileError(f"{self.name}, line {error.lineno}: is not JSON: {error.msg}") from None
        except RecursionError:
            raise DataFileError(f"{self.name} is not JSON: too deep") from None
        if not isinstance(document, dict):
            raise DataFileError(f"{self.name} is not a JSON object")
        return document

    @cached_property
    def _unpacked(self) -> bytes:
        try:
            if self._head.startswith(b"\x1f\x8b"):
                with gzip.open(self.path) as file:
                    return self._bounded(file)
            if zipfile.is_zipfile(self.path):
                return self._from_zip()
            return self.path.read_bytes()
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise DataFileError(f"{self.name} cannot be unpacked: {error}") from None

    def _from_zip(self) -> bytes:
        with zipfile.ZipFile(self.path) as archive:
            members = [m for m in archive.infolist() if m.filename.lower().endswith((".txt", ".csv"))]
            members = [m for m in members if "readme" not in m.filename.lower()]
            if len(members) != 1:
                raise DataFileError(f"{self.name} holds {len(members)} files that could be meant; unpack the right one")
            with archive.open(members[0]) as file:
                return self._bounded(file)

    def _bounded(self, file: Any) -> bytes:
        """At most `BYTES_MAX` bytes: a small archive may unpack to anything."""
        out = io.BytesIO()
        while part := file.read(1024 * 1024):
            if out.tell() + len(part) > BYTES_MAX:
                raise DataFileError(f"{self.name} unpacks to more than {BYTES_MAX:,} bytes")
            out.write(part)
        return out.getvalue()

    def _text_form(self) -> Form:
        first = next((line.strip() for line in self.text.splitlines() if line.strip() and line[0] != "#"), "")
        cells = tuple(cell.strip().lower() for cell in first.split(","))
        if cells in _HEADERS:
            return _HEADERS[cells]
        if cells[0] == "date" and "usd" in cells:
            return Form.ECB
        if first.startswith("{"):
            if "prefixes" in self.json and "createDate" in self.json:
                return Form.AWS
            if "prefixes" in self.json and "creationTime" in self.json:
                return Form.GOOGLE
        if first.count("\t") == GEONAMES_COLUMNS - 1:
            return Form.GEONAMES
        if is_address(first):
            return Form.TOR
        shown = "".join(char for char in first[:60] if char.isprintable())
        raise DataFileError(f"{self._no_form()}; its first line is {shown!r}")

    def _no_form(self) -> str:
        return f"{self.name} is none of the forms that are taken ({'; '.join(Form)})"


def is_address(text: str) -> bool:
    """Whether it is one IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
