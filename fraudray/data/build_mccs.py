"""Build `mccs.csv` (merchant category codes with their descriptions and groups).

Usage: `python -m fraudray.data.build_mccs --iso iso18245/data --public mcc_codes.csv`. The first is the folder of the
PyPI package `iso18245` (MIT): the codes of ISO 18245 and its ranges. The second is the file of greggles/mcc-codes
(Unlicense), from which come the codes that the standard leaves to the card schemes (airlines, hotels, …). Needs nothing
else. The same inputs make the same bytes.

Descriptions are taken as they are, save for what a CSV file of one's own should not have: runs of spaces, and names all
in capitals.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path

Ranges = list[tuple[str, str, str]]


def read_descriptions(path: Path, column: str) -> dict[str, str]:
    """Code → description of a CSV file whose first column is the code."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        code_column = (rows.fieldnames or [""])[0]
        return {row[code_column]: " ".join(row[column].split()) for row in rows if (row[column] or "").strip()}


def read_ranges(*paths: Path) -> Ranges:
    """(first code, last code, group); of two that hold a code the later one counts."""
    found: Ranges = []
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += [(first, last, group) for first, last, group in list(csv.reader(file))[1:]]
    return found


def group_of(code: str, ranges: Ranges) -> str:
    """The group of a code."""
    return next((group for first, last, group in reversed(ranges) if first <= code <= last), "")


def readable(description: str) -> str:
    """A name in capitals as names are written."""
    return description.title() if description.isupper() and len(description) > 4 else description


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--iso", type=Path, required=True, help="iso18245/data of the PyPI package iso18245")
    parser.add_argument("--public", type=Path, required=True, help="mcc_codes.csv of greggles/mcc-codes")
    parser.add_argument("--date", required=True, help="when the package was published, YYYY-MM-DD")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args(argv)
    standard = read_descriptions(args.iso / "iso18245_official_list.csv", "DESCRIPTION")
    public = read_descriptions(args.public, "edited_description")
    ranges = read_ranges(args.iso / "iso18245_ranges.csv", args.iso / "private_ranges.csv")

    text = io.StringIO()
    text.write(f"# date: {args.date}\n")
    text.write("# source: ISO 18245 as packaged by iso18245 (PyPI); codes of the card schemes: greggles/mcc-codes\n")
    text.write("# licence: MIT (iso18245), Unlicense (greggles/mcc-codes)\n")
    out = csv.writer(text, lineterminator="\n")
    out.writerow(("mcc", "description", "group"))
    for code, description in sorted((public | standard).items()):
        out.writerow((code, readable(description), group_of(code, ranges)))
    (args.out / "mccs.csv").write_text(text.getvalue(), encoding="utf-8", newline="\n")
    print(f"mccs.csv: {len(public | standard)} codes, {len(standard)} of them of the standard")
    return 0


if __name__ == "__main__":
    sys.exit(main())
