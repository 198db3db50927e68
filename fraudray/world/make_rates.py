"""Currency rates: a CSV of one's own, or the euro reference rates of the European Central Bank."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from fraudray.domain.errors import DataFileError
from fraudray.domain.money import Rates, currencies
from fraudray.world.incoming import RATES_HEADER_DATED
from fraudray.world.making import Made, Work
from fraudray.world.tables import Notes, at, write_table

DIGITS_MAX = 12
ECB_SOURCE = "European Central Bank, euro foreign exchange reference rates (ecb.europa.eu)"
ECB_LICENCE = "free use with the source named (ECB)"
ECB_CURRENCIES = 29
Row = tuple[str, str, str]


def own_rates(work: Work) -> Made:
    """A whole list of rates per US dollar. Raises DataFileError naming the line."""
    table = work.incoming.table
    notes = work.notes(day=table.notes.date, source=table.notes.source, licence=table.notes.licence)
    found: dict[str, Row] = {}
    for line, cells in table.rows:
        code, as_of = cells[0], cells[2] if len(cells) > 2 else ""
        if code in found:
            raise at(table.name, line, f"{code} is listed twice")
        rate = checked_rate(code, cells[1], table.name, line)
        if code == "USD" and rate != 1:
            raise at(table.name, line, "USD must be 1: rates are units per US dollar")
        found[code] = (code, cells[1], _day(as_of, table.name, line) if as_of else "")
    return _write(work, notes, found, len(found), work.rows_packaged("rates"))


def ecb_rates(work: Work) -> Made:
    """The rates that the ECB publishes; those of other currencies stay as they are, with their own dates."""
    name = work.incoming.name
    rows = [row for row in csv.reader(work.incoming.text.splitlines()) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise DataFileError(f"{name} has no rates below its header")
    codes, cells = [cell.strip() for cell in rows[0]], [cell.strip() for cell in rows[1]]
    day = _ecb_day(cells[0], name)
    per_euro = {
        code: checked_rate(code, cell, name, 2)
        for code, cell in zip(codes[1:], cells[1:], strict=False)
        if code and cell not in ("", "N/A") and code in currencies()
    }
    if "USD" not in per_euro:
        raise at(name, 2, "has no rate for USD")
    notes = work.notes(day=day, source=ECB_SOURCE, licence=ECB_LICENCE)
    before = Rates.load(work.in_force["rates"].path)
    found = {
        code: (code, str(rate), before.date_of(code).isoformat()) for code, rate in sorted(before.per_base.items())
    }
    per_dollar = {"EUR": 1 / per_euro["USD"]} | {code: rate / per_euro["USD"] for code, rate in per_euro.items()}
    for code, rate in per_dollar.items():
        found[code] = (code, f"{rate:.{DIGITS_MAX}g}", "")
    found["USD"] = ("USD", "1", "")
    return _write(work, notes, found, len(per_euro), ECB_CURRENCIES)


def checked_rate(code: str, written: str, name: str, line: int) -> Decimal:
    """A rate that money can be converted by. Raises DataFileError."""
    if code not in currencies():
        raise at(name, line, f"{code[:10]!r} is not an ISO 4217 currency")
    try:
        rate = Decimal(written)
    except InvalidOperation:
        raise at(name, line, f"the rate of {code} is not a number") from None
    if not rate.is_finite() or rate <= 0 or not -15 < rate.adjusted() < 15:
        raise at(name, line, f"the rate of {code} must be a number above zero, of a size that rates have")
    return rate


def _write(work: Work, notes: Notes, found: dict[str, Row], rows: int, rows_before: int) -> Made:
    work.staged.write_bytes(write_table(notes, RATES_HEADER_DATED, [found[code] for code in sorted(found)]))
    earlier = [date.fromisoformat(as_of) for _, _, as_of in found.values() if as_of]
    if earlier:
        part = (f"{len(earlier)} of {len(found)} rates", min(earlier), "")
        notes = Notes(notes.date, notes.source, notes.licence, (part,))
    return Made(notes, rows, rows_before)


def _day(written: str, name: str, line: int) -> str:
    try:
        return date.fromisoformat(written).isoformat()
    except ValueError:
        raise at(name, line, f"{written[:40]!r} is not a date (YYYY-MM-DD)") from None


def _ecb_day(written: str, name: str) -> date:
    for form in ("%d %B %Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(written, form).date()  # noqa: DTZ007 - a day, without a time
        except ValueError:
            continue
    raise at(name, 2, f"{written[:40]!r} is not a day as the ECB writes it (24 November 2026)")
