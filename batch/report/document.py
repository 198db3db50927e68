"""All figures of a back-test as one JSON-ready document.

Shares are 0-1, amounts in the base currency, days ISO 8601 (UTC), risk 0-1, scores 0-100. A *measure* is
`{value, low, high, reason}`: `low` to `high` is the 95 % interval over days drawn again (module `estimate`).
`reason` says why the value (then all are null) or only the interval is missing. Nothing is NaN.

    format         "fraudray-backtest-figures/2"
    seed, k        as asked for: the seed of the draws, and how many customers a day card precision looks at
    intervals      level, resamples, days, labelled_days, reason (why there are none)
    rows           all, fraud, genuine, unlabelled; amount and fraud_amount; fraud_share; first_day, last_day
    costs          what the net benefit rests on (`Costs`)
    claim          the product's promise against this history (`fraudray.batch.report.claim`)
    sides          champion, challenger (if any), plain (the plain rules) → `decided` (as decided) and `evidence`
                   (without the effect of freezes; not for plain), each with
                     measures   recall, recall_block; fpr, fpr_block (of genuine rows); precision, precision_block;
                                alert_rate, block_rate (of all rows, labelled or not); alerts_per_day (of days with
                                rows); money_caught (REVIEW or BLOCK),
                                money_caught_share, money_missed, money_blocked_by_mistake, money_reviewed_by_mistake;
                                net_benefit (against approving everything), net_benefit_per_1000 (labelled rows).
                                Without `_block`: REVIEW or BLOCK. Quality is of labelled rows only.
                     counts, amounts    label → decision
                     benefit_parts      losses_prevented, fees_prevented, reviews, friction, false_blocks
    ranking        champion, challenger → measures (auc_roc, average_precision, recall_at_fpr_N for N in 1/10,000 of
                   genuine rows: the most that a threshold on risk finds with at most that many false alarms), and
                   `marks`: the lowest risk with REVIEW and with BLOCK
    sweep          champion, challenger → by_risk and by_score, points {threshold, recall, fpr, precision, alert_rate,
                   alerts_per_day, frauds_caught, genuine_flagged, money_caught, money_missed,
                   money_flagged_by_mistake, net_benefit_review, net_benefit_block}: everything from the threshold up is
                   flagged, and then all of it reviewed, or all of it blocked. All but rates and money_missed add up:
                   what lies between two thresholds is the difference. by_risk keeps the points that a curve needs
    scores         champion, challenger → rows by label for each score 0-100
    cards          champion, challenger → days, and measures card_precision, card_precision_best (a perfect ranking's)
    over_time      unit (day, week, month) and rows {from, days, fraud, genuine, unlabelled, side → confusion, recall,
                   fpr, precision, reviews, blocks}, as decided
    scenarios      frauds by kind: count, amount, side → view → recall, recall_block (measures), caught_amount and
                   missed_amount
    segments       segment, values (value, counts, recall, fpr, precision, alert_rate, amounts), left_out; evidence
    rules          of the champion: fired, alone, points, amount, lowered, lowered_amount by label, and shares
    overlaps       pairs of rules: counts by label, shared, shared_genuine
    deltas         challenger_champion and champion_plain → decided/evidence/ranking/cards → measures of differences
    change_matrix  decided and evidence → counts, amounts (label → champion → challenger), changed; null without a
                   challenger
    changes, investigation    as given
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from fraudray.batch.report.breakdown import scenarios, segments
from fraudray.batch.report.cards import CardDays
from fraudray.batch.report.claim import claim
from fraudray.batch.report.comparison import change_matrix, deltas
from fraudray.batch.report.costs import Costs
from fraudray.batch.report.estimate import RESAMPLES, Draws, Estimate
from fraudray.batch.report.outcomes import DECIDED, EVIDENCE, FRAUD, GENUINE, LABELS, UNLABELLED, Cube, Outcomes, Side
from fraudray.batch.report.over_time import over_time, share
from fraudray.batch.report.quality import benefit_parts, matrix, quality
from fraudray.batch.report.ranking import Ranks, marks, ranking
from fraudray.batch.report.rule_figures import overlaps, rules
from fraudray.batch.report.sweep import by_risk, by_score
from fraudray.batch.report.tallies import Tallies
from fraudray.batch.report.times import day_text

FORMAT = "fraudray-backtest-figures/2"
CHANGES_MAX = 200
_Estimates = dict[str, dict[str, dict[str, Estimate]]]


def figures(tallies: Tallies, costs: Costs, *, seed: int = 0, k: int = 100) -> dict[str, Any]:
    """The document; the same for the same input and seed. `k`: customers a day for card precision. Raises ValueError
    for k below 1."""
    if k < 1:
        raise ValueError("k is at least 1")
    outcomes = Outcomes.of(tallies)
    rows = _rows(outcomes)
    draws = Draws.of(len(outcomes.days), rows["labelled_days"], seed)
    cubes = {
        side.name: {view: Cube.of(outcomes, decision) for view, decision in side.views.items()}
        for side in outcomes.sides
    }
    policies = [side for side in outcomes.sides if side.blocks]
    ranks = {side.name: _ranks(outcomes, side) for side in policies}
    cards = {side.name: CardDays.of(tallies, side.name, outcomes.days, k) for side in policies}
    estimates = _estimates(outcomes, cubes, ranks, cards, draws, costs)
    of_rules = rules(tallies, rows["fraud"], rows["genuine"])
    found = {
        "format": FORMAT,
        "seed": seed,
        "k": k,
        "intervals": {
            "level": 0.95, "resamples": RESAMPLES if draws.reason is None else 0, "days": len(outcomes.days),
            "labelled_days": rows["labelled_days"], "reason": draws.reason,
        },
        "rows": rows,
        "costs": costs.model_dump(mode="json"),
        "sides": {name: _side(views, estimates[name], costs) for name, views in cubes.items()},
        "ranking": {
            side.name: {"measures": _measures(estimates[side.name]["ranking"]), "marks": _marks(side)}
            for side in policies
        },
        "sweep": {
            side.name: {"by_risk": by_risk(ranks[side.name], costs), "by_score": by_score(outcomes, side.score, costs)}
            for side in policies if side.score is not None
        },
        "scores": {side.name: _scores(outcomes, side) for side in policies},
        "cards": {
            name: {"measures": _measures(estimates[name]["cards"]), "days": one.rows(outcomes.days)}
            for name, one in cards.items()
        },
        "over_time": over_time(outcomes.days, {name: views[DECIDED] for name, views in cubes.items()}),
        "scenarios": scenarios(outcomes, draws),
        "segments": segments(tallies),
        "rules": of_rules,
        "overlaps": overlaps(tallies, of_rules),
        "deltas": _deltas(estimates),
        "change_matrix": _change_matrix(outcomes),
        "changes": list(tallies.changes)[:CHANGES_MAX],
        "investigation": tallies.investigation,
    }  # fmt: skip
    found["claim"] = _claim(estimates)
    document: dict[str, Any] = ready(found)
    return document


def _rows(outcomes: Outcomes) -> dict[str, Any]:
    counts = [int(outcomes.count[outcomes.label == label].sum()) for label in range(len(LABELS))]
    labelled = np.unique(outcomes.day[(outcomes.label != UNLABELLED) & (outcomes.count > 0)])
    days = outcomes.days
    return {
        "all": sum(counts),
        **dict(zip(LABELS, counts, strict=True)),
        "amount": float(outcomes.amount.sum()),
        "fraud_amount": float(outcomes.amount[outcomes.label == FRAUD].sum()),
        "fraud_share": share(counts[FRAUD], counts[FRAUD] + counts[GENUINE]),
        "labelled_days": len(labelled),
        "first_day": day_text(int(days[0])) if len(days) else None,
        "last_day": day_text(int(days[-1])) if len(days) else None,
    }


def _ranks(outcomes: Outcomes, side: Side) -> Ranks:
    assert side.risk is not None  # noqa: S101 - policies rank; plain rules are not among them
    return Ranks.of(outcomes, side.risk)


def _estimates(
    outcomes: Outcomes, cubes: Mapping[str, Mapping[str, Cube]], ranks: Mapping[str, Ranks],
    cards: Mapping[str, CardDays], draws: Draws, costs: Costs,
) -> _Estimates:  # fmt: skip
    found: _Estimates = {}
    for side in outcomes.sides:
        views = cubes[side.name]
        found[side.name] = {view: quality(cube, draws, costs, blocks=side.blocks) for view, cube in views.items()}
        if side.blocks:
            found[side.name]["ranking"] = ranking(ranks[side.name], draws)
            found[side.name]["cards"] = cards[side.name].mean(draws)
    return found


def _side(cubes: Mapping[str, Cube], estimates: Mapping[str, Mapping[str, Estimate]], costs: Costs) -> dict[str, Any]:
    return {
        view: {"measures": _measures(estimates[view]), **matrix(cube), "benefit_parts": benefit_parts(cube, costs)}
        for view, cube in cubes.items()
    }


def _measures(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.measure() for name, estimate in estimates.items()}


def _marks(side: Side) -> dict[str, float | None]:
    assert side.risk is not None  # noqa: S101
    return marks(side.risk, side.views[EVIDENCE])


def _scores(outcomes: Outcomes, side: Side) -> dict[str, list[int]]:
    assert side.score is not None  # noqa: S101
    return {
        label: np.bincount(side.score, outcomes.count * (outcomes.label == index), 101).astype(int).tolist()
        for index, label in enumerate(LABELS)
    }


def _deltas(estimates: _Estimates) -> dict[str, Any]:
    champion, plain = estimates["champion"], estimates["plain"]
    found: dict[str, Any] = {
        "champion_plain": {view: deltas(champion[view], plain[DECIDED]) for view in (DECIDED, EVIDENCE)},
        "challenger_champion": None,
    }
    if "challenger" in estimates:
        found["challenger_champion"] = {
            view: deltas(of, champion[view]) for view, of in estimates["challenger"].items()
        }
    return found


def _change_matrix(outcomes: Outcomes) -> dict[str, Any] | None:
    sides = {side.name: side for side in outcomes.sides}
    if "challenger" not in sides:
        return None
    return {view: change_matrix(outcomes, sides["champion"], sides["challenger"], view) for view in (DECIDED, EVIDENCE)}


def _claim(estimates: _Estimates) -> dict[str, Any]:
    champion, plain = estimates["champion"][DECIDED], estimates["plain"][DECIDED]
    at_promised = estimates["champion"]["ranking"]["recall_at_fpr_200"]
    recall, fpr = champion["recall"].measure(), champion["fpr"].measure()
    return claim(recall, fpr, at_promised.measure(), plain["recall"].measure(), plain["fpr"].measure())


def ready(value: Any) -> Any:
    """`value` as JSON has it: what a row of a history may hold, and no numbers that are none."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, np.generic):
        return ready(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): ready(one) for key, one in value.items()}
    if isinstance(value, Decimal):
        return ready(float(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return [ready(one) for one in value]
    return str(value)
