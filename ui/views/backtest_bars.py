"""The bars of back-tests, and their figures over time: scores by label, alerts, money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from fraudray.domain import figure_words as words
from fraudray.ui.views.backtest_curves import SHAPES, Side, line_keys, share_tick
from fraudray.ui.views.charts import Bar, Chart, Key, Line, Mark, Scale, Table, Tick, highest, spread

SCORE_STEP = 5
DATES_MAX = 5
_PARTS = (
    ("fraud", "BLOCK", "block", "fraud blocked"),
    ("fraud", "REVIEW", "review", "fraud held for review"),
    ("fraud", "APPROVE", "missed", "fraud missed"),
    ("genuine", "REVIEW", "held", "genuine held for review"),
    ("genuine", "BLOCK", "stopped", "genuine blocked"),
)
"""Label, decision, look, in words."""


def scores(side: Side, thresholds: Mapping[str, int]) -> Chart:
    """Where the scores of frauds and of genuine payments lie, as shares of each."""
    found = side.figures["scores"][side.side]
    starts = range(0, 100, SCORE_STEP)
    shares = {label: _binned(found[label]) for label in ("genuine", "fraud")}
    scale = Scale(0, 100, 0, highest([value for values in shares.values() for value in values], 0.01))
    bars = [
        scale.bar(
            start + offset,
            2.2,
            0,
            shares[label][place],
            look,
            f"{_range(start)}: {words.percent(shares[label][place])} of {says}",
        )
        for offset, (label, look, says) in (
            (0.2, ("genuine", "genuine", "genuine")),
            (2.5, ("fraud", "fraud", "frauds")),
        )
        for place, start in enumerate(starts)
        if shares[label][place]
    ]
    review = thresholds.get("review", 50)
    text = "; ".join(
        f"{words.percent(sum(found[label][review:]) / max(1, sum(found[label])))} of {says} score {review} or more"
        for label, says in (("fraud", "frauds"), ("genuine", "genuine payments"))
    )
    rows = tuple(
        (_range(start), *(words.percent(shares[one][place]) for one in shares)) for place, start in enumerate(starts)
    )
    return Chart(
        title=f"{side.name}: scores by label",
        text=text + ".",
        x_label="Score, in steps of five",
        y_label="Share of its label",
        x_ticks=scale.x_ticks(lambda value: f"{value:g}"),
        y_ticks=scale.y_ticks(share_tick),
        table=Table(("Score", "Genuine", "Fraud"), rows),
        bars=tuple(bars),
        keys=(
            Key("Genuine", "genuine", "bar"),
            Key("Fraud", "fraud", "bar"),
            Key("The policy’s thresholds", "threshold", "line"),
        ),
        lines=_threshold_lines(scale, thresholds),
    )


def over_time(sides: Sequence[Side], name: str, title: str, y_label: str) -> Chart | None:
    """A rate from period to period, as decided. None where there is no period."""
    found = sides[0].figures["over_time"]
    periods = [row["from"] for row in found["rows"]]
    if not periods:
        return None
    values = [[row[side.side][name] for row in side.figures["over_time"]["rows"]] for side in sides]
    scale = Scale(0, max(1, len(periods) - 1), 0, highest([one for row in values for one in row], 0.01))
    lines = [
        scale.line(side.name, side.look, [(float(place), value) for place, value in enumerate(row)])
        for side, row in zip(sides, values, strict=True)
    ]
    marks = [
        Mark(
            scale.x(place),
            scale.y(value),
            side.look,
            SHAPES[index],
            f"{side.name}, {periods[place]}: {words.percent(value)}",
        )
        for index, (side, row) in enumerate(zip(sides, values, strict=True))
        for place, value in enumerate(row)
        if value is not None
    ]
    known = [
        f"{side.name}: {words.percent(min(there))} to {words.percent(max(there))}"
        for side, row in zip(sides, values, strict=True)
        if (there := [one for one in row if one is not None])
    ]
    table = Table(
        (f"{found['unit'].capitalize()} from", *(side.name for side in sides)),
        tuple((day, *(words.percent(row[place]) for row in values)) for place, day in enumerate(periods)),
    )
    return Chart(
        title=f"{title} by {found['unit']}",
        text="; ".join(known) + ".",
        x_label=f"{found['unit'].capitalize()} from (UTC)",
        y_label=y_label,
        x_ticks=_dates(periods, scale),
        y_ticks=scale.y_ticks(share_tick),
        table=table,
        lines=tuple(lines),
        marks=tuple(marks),
        keys=line_keys(lines),
    )


def alerts(side: Side) -> Chart | None:
    """How many are held for review and blocked from period to period."""
    found = side.figures["over_time"]
    rows = [(row["from"], row[side.side]["reviews"], row[side.side]["blocks"], row["fraud"]) for row in found["rows"]]
    if not rows:
        return None
    scale = Scale(-0.5, len(rows) - 0.5, 0, highest([reviews + blocks for _, reviews, blocks, _ in rows], 1))
    bars: list[Bar] = []
    for place, (day, reviews, blocks, _) in enumerate(rows):
        if reviews:
            bars.append(scale.bar(place - 0.4, 0.8, 0, reviews, "review", f"{day}: {reviews:,} reviewed"))
        if blocks:
            bars.append(scale.bar(place - 0.4, 0.8, reviews, reviews + blocks, "block", f"{day}: {blocks:,} blocked"))
    reviewed, blocked = (sum(row[place] for row in rows) for place in (1, 2))
    text = f"{reviewed:,} reviewed and {blocked:,} blocked in {len(rows)} {found['unit']}s."
    return Chart(
        title=f"{side.name}: alerts by {found['unit']}",
        text=text,
        x_label=f"{found['unit'].capitalize()} from (UTC)",
        y_label=f"Payments a {found['unit']}",
        x_ticks=_dates([row[0] for row in rows], scale),
        y_ticks=scale.y_ticks(lambda value: f"{value:,g}" if value < 1e6 else f"{value:,.0f}"),
        table=Table(
            ("From", "Reviewed", "Blocked", "Labelled frauds"),
            tuple((day, *(f"{one:,}" for one in more)) for day, *more in rows),
        ),
        bars=tuple(bars),
        keys=(Key("Reviewed", "review", "bar"), Key("Blocked", "block", "bar")),
    )


def money(sides: Sequence[Side], currency: str) -> Chart:
    """What became of the fraud's money, and which genuine money was stopped."""
    amounts = [side.figures["sides"][side.side]["decided"]["amounts"] for side in sides]
    top = highest(
        [
            sum(one[label].get(name, 0.0) for name in names)
            for one in amounts
            for label, names in (("fraud", ("APPROVE", "REVIEW", "BLOCK")), ("genuine", ("REVIEW", "BLOCK")))
        ],
        1,
    )
    scale = Scale(0, len(sides) * 2.4, 0, top)
    bars: list[Bar] = []
    ticks: list[Tick] = []
    for place, (side, one) in enumerate(zip(sides, amounts, strict=True)):
        base = {"fraud": 0.0, "genuine": 0.0}
        for label, decision, look, says in _PARTS:
            value = one[label][decision]
            if value:
                across = place * 2.4 + (0.3 if label == "fraud" else 1.3)
                told = f"{side.name}: {words.money(value)} {currency} {says}"
                bars.append(scale.bar(across, 0.8, base[label], base[label] + value, look, told))
            base[label] += value
        ticks.append(Tick(scale.x(place * 2.4 + 1.2), side.name if len(side.name) <= 22 else f"{side.name[:21]}…"))
    text = " ".join(
        f"{side.name}: {words.money(one['fraud']['REVIEW'] + one['fraud']['BLOCK'])} {currency} of fraud caught, "
        f"{words.money(one['fraud']['APPROVE'])} missed; {words.money(one['genuine']['BLOCK'])} of genuine blocked."
        for side, one in zip(sides, amounts, strict=True)
    )
    rows = tuple(
        (says.capitalize(), *(words.money(one[label][decision]) for one in amounts))
        for label, decision, _, says in _PARTS
    )
    return Chart(
        title="Money: frauds left, genuine payments right",
        text=text,
        x_label="",
        y_label=f"Amount, {currency}",
        x_ticks=tuple(ticks),
        y_ticks=scale.y_ticks(_amount),
        table=Table((f"Amount, {currency}", *(side.name for side in sides)), rows),
        bars=tuple(bars),
        keys=tuple(Key(says.capitalize(), look, "bar") for _, _, look, says in _PARTS),
    )


def _threshold_lines(scale: Scale, thresholds: Mapping[str, int]) -> tuple[Line, ...]:
    return tuple(
        scale.line(f"{name} from {score}", "threshold", [(score, 0.0), (score, scale.y_high)])
        for name, score in thresholds.items()
    )


def _dates(days: Sequence[str], scale: Scale) -> tuple[Tick, ...]:
    """Some of the days, written as long as the time between them allows."""
    moments = [date.fromisoformat(day) for day in days]
    form = "%-d %b" if moments[-1] - moments[0] < timedelta(days=300) else "%b %Y"
    return tuple(Tick(scale.x(place), moments[place].strftime(form)) for place in spread(days, DATES_MAX))


def _binned(counts: Sequence[int]) -> list[float]:
    whole = sum(counts)
    ends = [(low, low + SCORE_STEP if low < 100 - SCORE_STEP else 101) for low in range(0, 100, SCORE_STEP)]
    return [sum(counts[low:high]) / whole if whole else 0.0 for low, high in ends]


def _range(start: int) -> str:
    return f"{start}–{start + SCORE_STEP - 1 if start < 100 - SCORE_STEP else 100}"


def _amount(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"
