"""Build `currencies.csv` (ISO 4217 minor units) and `rates.csv` (units per US dollar on one day).

Usage: `python -m fraudray.data.build_money --table table.xml --rates usd.json`. table.xml is the official list one of
ISO 4217 as it lies in the PyPI package `iso4217` (public domain); usd.json is `package/v1/currencies/usd.json` of the
npm package `@fawazahmed0/currency-api` (`npm pack`, CC0-1.0). Needs nothing else. The same inputs make the same bytes.

Codes without a minor unit in the standard ("N.A.": precious metals, SDR and other units of account, XTS, XXX) are left
out; fund codes with one (CLF, COU, …) stay. Currencies without a rate are not in `rates.csv`.
"""

from __future__ import annotations

import argparse
import json
import sys
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path


def read_table(path: Path) -> tuple[str, dict[str, tuple[int, str]]]:
    """(publication date, code → (minor units, name)) of the official table."""
    root = ET.parse(path).getroot()  # noqa: S314 - the official table, chosen by whoever rebuilds the data
    found: dict[str, tuple[int, str]] = {}
    for entry in root.iter("CcyNtry"):
        code, units, name = (entry.findtext(tag) for tag in ("Ccy", "CcyMnrUnts", "CcyNm"))
        if code and name and units and units.isdigit():
            found[code] = (int(units), name)
    return root.attrib["Pblshd"], dict(sorted(found.items()))


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="table.xml of the PyPI package iso4217")
    parser.add_argument("--rates", type=Path, required=True, help="usd.json of the npm package")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args(argv)
    published, table = read_table(args.table)
    daily = json.loads(args.rates.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
    rates = daily["usd"]

    lines = [
        f"# date: {published}",
        "# source: ISO 4217 list one, as packaged by iso4217 (PyPI)",
        "# licence: public domain (the package); the list is a publication of SIX for ISO",
        "currency,minor_units,name",
    ]
    lines += [f'{code},{units},"{name}"' for code, (units, name) in table.items()]
    (args.out / "currencies.csv").write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")

    lines = [
        f"# date: {daily['date']}",
        "# source: fawazahmed0/exchange-api (npm @fawazahmed0/currency-api)",
        "# licence: CC0-1.0",
        "currency,units_per_usd",
    ]
    lines += [f"{code},{rates[code.lower()]}" for code in table if rates.get(code.lower(), 0) > 0]
    (args.out / "rates.csv").write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")
    missing = [code for code in table if code.lower() not in rates]
    print(f"{len(table)} currencies, {len(lines) - 4} rates; without a rate: {', '.join(missing) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
