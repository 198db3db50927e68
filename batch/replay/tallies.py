"""What is counted of one part: small tables that add up over parts, and from which all figures are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraudray.batch.history.stable_hash import stable_hash
from fraudray.batch.replay.job import CHALLENGER
from fraudray.batch.replay.replayer import Replayed
from fraudray.batch.replay.sorting import Ints
from fraudray.domain.features import DAY_US, HOUR_US

PLAIN_AMOUNT = 200.0
"""The plain rule baseline flags amounts above this (base currency) …"""
PLAIN_COUNT_1H = 4
"""… and the customer's attempts from this one on within a clock hour: what simple rule engines do."""
_AMOUNTS = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
_SEGMENTS = ("channel", "currency", "transaction_type", "card_present", "mcc")
UNLABELLED = -1


@dataclass(slots=True)
class RuleTally:
    """What each reason code of the champion did, by label; rows are counted as they are decided."""

    rules: dict[tuple[str, str, int], list[int]] = field(default_factory=dict)
    overlaps: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def add(self, replayed: Replayed, fraud: bool | None, amount: int) -> None:
        """One row on which rules spoke; `amount` in minor units of the base currency."""
        label = UNLABELLED if fraud is None else int(fraud)
        judgement = replayed.judgement
        found: dict[str, tuple[str, int]] = {}
        for reason in judgement.reasons:
            before = found.get(reason.code, (reason.family, 0))[1]
            found[reason.code] = (reason.family, before + reason.points)
        acts = judgement.outcome_on_evidence.severity
        for code, (family, points) in found.items():
            lowered = acts > 0 and replayed.policy.outcome_without(replayed.facts, code).severity < acts
            sums = self.rules.setdefault((code, family, label), [0] * 6)
            more = (1, len(found) == 1, points, amount, lowered, amount * lowered)
            for place, value in enumerate(more):
                sums[place] += value
        for pair in combinations(sorted(found), 2):
            self.overlaps[(*pair, label)] = self.overlaps.get((*pair, label), 0) + 1

    def tables(self) -> dict[str, pa.Table]:
        """`rules` and `overlaps`."""
        names = ("code", "family", "fraud", "fired", "alone", "points", "amount", "lowered", "lowered_amount")
        rows = [(*key, *sums) for key, sums in sorted(self.rules.items())]
        kinds = [pa.string(), pa.string(), pa.int8(), *[pa.int64()] * 6]
        pairs = [(*key, count) for key, count in sorted(self.overlaps.items())]
        return {
            "rules": _table(names, rows, kinds),
            "overlaps": _table(
                ("code_a", "code_b", "fraud", "count"), pairs, [pa.string(), pa.string(), pa.int8(), pa.int64()]
            ),
        }


def tallies(
    decided: pa.Table, day: Ints, minor: Ints, rules: RuleTally, known_us: Ints, sides: Sequence[str]
) -> dict[str, pa.Table]:
    """`outcomes`, `card_days`, `segments`, `rules` and `overlaps` of the decided rows of a part.

    `day` is each row's day since 1970 (UTC), `minor` its amount in minor units of the base currency, which add up to
    the same in any order, `known_us` when its customer was first known to be defrauded; see `compromised_us`.
    """
    fraud = pc.fill_null(pc.cast(decided.column("fraud"), pa.int8()), UNLABELLED)
    base = pa.table(
        {
            "day": pa.array(day.astype(np.int32)),
            "fraud": fraud,
            "scenario": decided.column("scenario"),
            "plain": pa.array(_plain(decided).astype(np.int8)),
            "amount": pa.array(minor),
        }
    )
    for side in sides:
        prefix = "challenger_" if side == CHALLENGER else ""
        for name in ("decision", "evidence_decision"):
            codes = pc.dictionary_encode(decided.column(prefix + name)).combine_chunks().indices
            base = base.append_column(prefix + name, pc.cast(codes, pa.int8()))
        base = base.append_column(prefix + "score", decided.column(prefix + "score"))
        base = base.append_column(prefix + "risk", decided.column(prefix + "evidence_risk"))
    keys = [name for name in base.column_names if name != "amount"]
    return {
        "outcomes": _added_up(base, keys),
        "card_days": _card_days(decided, day, known_us, sides),
        "segments": _segments(decided, base),
        **rules.tables(),
    }


def _plain(decided: pa.Table) -> npt.NDArray[np.bool_]:
    high = decided.column("amount_base").to_numpy() > PLAIN_AMOUNT
    customers = stable_hash(decided.column("customer_id"))
    hours = (decided.column("occurred_us").to_numpy() // HOUR_US).astype(np.uint64)
    place = np.unique(np.stack([customers, hours]), axis=1, return_inverse=True)[1].ravel()
    order = np.argsort(place, kind="stable")
    starts = np.concatenate(([True], np.diff(place[order]) != 0)) if len(order) else np.zeros(0, np.bool_)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    nth = np.empty(len(order), np.int64)
    nth[order] = np.arange(len(order)) - first + 1
    flagged: npt.NDArray[np.bool_] = high | (nth >= PLAIN_COUNT_1H)
    return flagged


def compromised_us(rows: pa.Table, known_after_us: int) -> Ints:
    """When each row's customer is first known to be defrauded (UTC µs; the greatest number where never).

    A fraud without a label's time is known `known_after_us` after it.
    """
    place = np.unique(stable_hash(rows.column("customer_id")), return_inverse=True)[1]
    fraud = pc.fill_null(rows.column("fraud"), False).to_numpy()
    label_us = pc.fill_null(rows.column("label_us"), -1).to_numpy()
    known_us = np.where(label_us >= 0, label_us, rows.column("occurred_us").to_numpy() + known_after_us)
    first = np.full(int(place.max()) + 1 if len(place) else 0, np.iinfo(np.int64).max)
    np.minimum.at(first, place[fraud], known_us[fraud])
    known: Ints = first[place]
    return known


def _card_days(decided: pa.Table, day: Ints, known_us: Ints, sides: Sequence[str]) -> pa.Table:
    """By day and risk, how many customers had it as their highest, and how many of them were defrauded that day."""
    place = np.unique(stable_hash(decided.column("customer_id")), return_inverse=True)[1]
    fraud = pc.fill_null(decided.column("fraud"), False)
    known = known_us < day * DAY_US
    found = []
    for side in sides:
        risk = decided.column(("challenger_" if side == CHALLENGER else "") + "evidence_risk")
        rows = pa.table({"day": day, "customer": place, "known": known.astype(np.int8), "risk": risk, "fraud": fraud})
        cards = rows.group_by(["day", "customer"]).aggregate([("risk", "max"), ("fraud", "any"), ("known", "max")])
        tally = cards.group_by(["day", "risk_max", "known_max"]).aggregate([([], "count_all"), ("fraud_any", "sum")])
        found.append(
            pa.table(
                {
                    "day": pc.cast(tally.column("day"), pa.int32()),
                    "risk": tally.column("risk_max"),
                    "known": tally.column("known_max"),
                    "customers": tally.column("count_all"),
                    "fraud_customers": pc.cast(tally.column("fraud_any_sum"), pa.int64()),
                    "side": pa.array([side] * tally.num_rows, pa.string()),
                }
            )
        )
    return pa.concat_tables(found)


def _segments(decided: pa.Table, base: pa.Table) -> pa.Table:
    hours = (decided.column("occurred_us").to_numpy() // HOUR_US) % 24
    bands = np.searchsorted(_AMOUNTS, decided.column("amount_base").to_numpy(), side="left")
    labels = [f"up to {bound:,}" for bound in _AMOUNTS] + [f"above {_AMOUNTS[-1]:,}"]
    values: dict[str, pa.Array | pa.ChunkedArray] = {
        "amount": pa.DictionaryArray.from_arrays(pa.array(bands), pa.array(labels)).cast(pa.string()),
        "hour": pa.DictionaryArray.from_arrays(
            pa.array(hours), pa.array([f"{hour:02d}:00 UTC" for hour in range(24)])
        ).cast(pa.string()),
    }
    for name in _SEGMENTS:
        if name in decided.column_names:
            values[name] = pc.fill_null(pc.cast(decided.column(name), pa.string()), "not given")
    found = []
    for name, value in values.items():
        rows = base.select(["fraud", "evidence_decision", "amount"]).append_column("value", value)
        tally = _added_up(rows, ["value", "fraud", "evidence_decision"])
        found.append(tally.append_column("segment", pa.array([name] * tally.num_rows, pa.string())))
    return pa.concat_tables(found)


def _added_up(rows: pa.Table, keys: list[str]) -> pa.Table:
    tally = rows.group_by(keys).aggregate([([], "count_all"), ("amount", "sum")])
    return tally.rename_columns({"count_all": "count", "amount_sum": "amount"})


_SUMS = {
    "outcomes": ("count", "amount"),
    "segments": ("count", "amount"),
    "card_days": ("customers", "fraud_customers"),
    "rules": ("fired", "alone", "points", "amount", "lowered", "lowered_amount"),
    "overlaps": ("count",),
}
TALLIES = tuple(_SUMS)


def added_up(name: str, tallies: Sequence[pa.Table], scale: int) -> pa.Table:
    """The tables of one name of all parts as one: each key once, in order, amounts in units of `scale` minor ones.

    The same whatever the parts are and in whatever order they come.
    """
    rows, sums = pa.concat_tables(tallies), _SUMS[name]
    keys = [key for key in rows.column_names if key not in sums]
    tally = rows.group_by(keys, use_threads=False).aggregate([(one, "sum") for one in sums])
    tally = tally.rename_columns({f"{one}_sum": one for one in sums}).sort_by([(key, "ascending") for key in keys])
    for one in ("amount", "lowered_amount"):
        if one in sums:
            amounts = pc.divide(pc.cast(tally.column(one), pa.float64()), float(scale))
            tally = tally.set_column(tally.column_names.index(one), one, amounts)
    return tally


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]], kinds: Sequence[pa.DataType]) -> pa.Table:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
    arrays = [
        pa.array([int(value) for value in column] if pa.types.is_integer(kind) else column, kind)
        for column, kind in zip(columns, kinds, strict=True)
    ]
    return pa.table(dict(zip(names, arrays, strict=True)))
