"""Sections that put sides beside one another: money, freezes, challenger; and the investigation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudray.batch.report import side_plots
from fraudray.batch.report.blocks import Block, Plots, Section, Table, Text, reasons
from fraudray.batch.report.costs import Costs
from fraudray.batch.report.outcomes import DECIDED, DECISIONS, EVIDENCE, LABELS
from fraudray.batch.report.summary import SIDES
from fraudray.domain import figure_words as words

Figures = Mapping[str, Any]
_SHARES = {
    "recall": "Detected, of frauds", "recall_block": "Detected by BLOCK, of frauds",
    "fpr": "False positives, of genuine", "fpr_block": "Blocked by mistake, of genuine",
    "precision": "Precision", "alert_rate": "Alert rate, of all", "money_caught_share": "Fraud money caught",
}  # fmt: skip
_PARTS = {
    "losses_prevented": "Fraud losses prevented", "fees_prevented": "Chargeback fees prevented", "reviews": "Reviews",
    "friction": "Genuine customers made to wait", "false_blocks": "Genuine payments blocked",
}  # fmt: skip


def money(figures: Figures, currency: str) -> Section:
    """Amounts, and what the net benefit is made of."""
    sides = figures["sides"]
    measures = (
        ("Fraud caught (REVIEW or BLOCK)", "money_caught"), ("Fraud missed", "money_missed"),
        ("Genuine payments blocked by mistake", "money_blocked_by_mistake"),
        ("Genuine payments held for review", "money_reviewed_by_mistake"), ("Net benefit", "net_benefit"),
        ("Net benefit per 1,000 labelled transactions", "net_benefit_per_1000"),
    )  # fmt: skip
    used = [sides[side][DECIDED]["measures"][name] for side in sides for _, name in measures]
    names = [SIDES[side] for side in sides]
    blocks: list[Block] = [
        Text(f"Labelled transactions, as decided, in {currency}. A flag of the plain rules counts as a REVIEW."),
        Plots([side_plots.money(figures, currency)]),
        Table(
            f"Money, {currency}", ["Measure", *names],
            [
                [says, *(words.amount(sides[side][DECIDED]["measures"][name]) for side in sides)]
                for says, name in measures
            ],
            notes=reasons(used),
        ),
        Table(
            f"What the net benefit is made of, {currency}", ["Part", *names],
            [[says, *(words.money(sides[side][DECIDED]["benefit_parts"][part]) for side in sides)]
             for part, says in _PARTS.items()],
        ),
        Table(
            "The costs assumed", ["Cost", "Value", "Meaning"],
            [
                [name, f"{figures['costs'][name]:g}", str(field.description)]
                for name, field in Costs.model_fields.items() if name != "currency"
            ],
            words=3,
            notes=["Defaults are round assumptions, not measurements; a file of costs replaces them."],
        ),
    ]  # fmt: skip
    return Section("money", "Money", blocks)


def freezes(figures: Figures) -> Section:
    """What follows from a BLOCK that froze the account."""
    sides = [side for side, views in figures["sides"].items() if EVIDENCE in views]
    columns = ["Measure", *(f"{SIDES[side]}, {says}" for side in sides for says in ("with", "without"))]
    names = [name for name in _SHARES if name != "money_caught_share"]
    rows = [
        [_SHARES[name],
         *(words.share(figures["sides"][side][view]["measures"][name])
           for side in sides for view in (DECIDED, EVIDENCE))]
        for name in names
    ]  # fmt: skip
    used = [
        figures["sides"][s][view]["measures"][name] for s in sides for view in (DECIDED, EVIDENCE) for name in names
    ]
    blocks: list[Block] = [
        Text(
            "A BLOCK freezes the account for a while, so that what follows is blocked too, whatever its own evidence. "
            "It stops frauds that show no sign themselves, and genuine payments too: in a replay nobody lifts a freeze "
            "early. Without freezes, each transaction is judged by its own evidence."
        )
    ]
    if figures["rows"]["fraud"] + figures["rows"]["genuine"]:
        blocks.append(Plots([side_plots.freezes(figures)]))
    return Section(
        "freezes", "Freezes", [*blocks, Table("With and without freezes", columns, rows, notes=reasons(used))]
    )


def challenger(figures: Figures, currency: str) -> Section:
    """What another policy changes."""
    found = figures["deltas"]["challenger_champion"]
    if found is None:
        return Section("challenger", "Challenger", [Text("No second policy was tested.")])
    changes = figures["change_matrix"][DECIDED]
    changed = sum(changes["changed"].values())
    ranked = {"auc_roc": "AUC ROC", "average_precision": "Average precision"}
    rows = [[says, f"{words.points(found[DECIDED][name])} points", f"{words.points(found[EVIDENCE][name])} points"]
            for name, says in _SHARES.items()]  # fmt: skip
    rows += [[f"Net benefit, {currency}", *(words.plus(found[view]["net_benefit"]) for view in (DECIDED, EVIDENCE))]]
    rows += [[says, words.NONE, words.plus(found["ranking"][name], 3)] for name, says in ranked.items()]
    rows += [[f"Card precision@{figures['k']}", words.NONE, words.plus(found["cards"]["card_precision"], 3)]]
    used = [found[DECIDED][name] for name in _SHARES]
    blocks: list[Block] = [
        Text(
            f"{words.number(changed)} of {words.number(figures['rows']['all'])} transactions get another decision. "
            "Differences are challenger less champion on the same draws of days: where an interval has zero in it, it "
            "may be chance."
        )
    ]
    if any(one["value"] is not None for one in used):
        names = {name: says for name, says in _SHARES.items() if found[DECIDED][name]["value"] is not None}
        blocks.append(Plots([side_plots.differences(found[DECIDED], names)]))
    blocks.append(
        Table("Challenger less champion", ["Measure", "As decided", "Without freezes"], rows, notes=reasons(used))
    )
    blocks.append(_matrix(changes["counts"]))
    return Section("challenger", "Challenger", [*blocks, _changed(figures["changes"], currency)])


def _matrix(counts: Mapping[str, Any]) -> Table:
    rows = [
        [label, was, *(words.number(counts[label][was][now]) for now in DECISIONS)]
        for label in LABELS
        for was in DECISIONS
    ]
    columns = ["Label", "Champion", *(f"Challenger {decision}" for decision in DECISIONS)]
    return Table("Transactions by decision, as decided", columns, rows, words=2)


def _changed(changes: Sequence[Mapping[str, Any]], currency: str) -> Table:
    columns = [
        "Transaction",
        "Customer",
        "When",
        "Champion",
        "Challenger",
        "Gained",
        "Lost",
        "Label",
        f"Amount, {currency}",
    ]
    rows = []
    for one in changes:
        fraud = one.get("fraud")
        label = "none" if fraud is None or fraud == -1 else "fraud" if fraud else "genuine"
        rows.append([
            _text(one.get("transaction_id")), _text(one.get("customer_id")), _text(one.get("occurred_at")),
            _decision(one.get("champion")), _decision(one.get("challenger")), _text(one.get("gained")),
            _text(one.get("lost")), label, _text(one.get("amount")),
        ])  # fmt: skip
    return Table(
        "Some transactions that change", columns, rows, words=8, folded=f"{len(rows)} transactions",
        empty="No transaction was listed.",
    )  # fmt: skip


def _decision(one: Any) -> str:
    return f"{one.get('decision', '')} {one.get('score', '')}".strip() if isinstance(one, Mapping) else _text(one)


def _text(value: Any) -> str:
    """A value as given, for a cell."""
    if value is None:
        return words.NONE
    if isinstance(value, float):
        return words.money(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(one)}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(one) for one in value) or words.NONE
    return str(value)


_COUNTED = {
    "rows": "Transactions", "escalated": "Escalated by the policy", "asked": "Investigated", "answered": "Verdicts",
    "failed": "Without a verdict", "confirmed": "Decisions confirmed", "raised": "Decisions raised",
    "raised_frauds": "… of frauds", "raised_genuine": "… of genuine ones", "raised_unlabelled": "… without a label",
    "lowered": "Decisions lowered", "lowered_frauds": "… of frauds", "lowered_genuine": "… of genuine ones",
    "withheld": "Verdicts that were not allowed", "round_trips": "Prompts", "prompt_tokens": "Tokens read",
    "completion_tokens": "Tokens written", "reasoning_tokens": "… of them thinking",
    "engine_s": "Seconds of the engine",
}  # fmt: skip
_COSTS = {
    "cost": "Cost of what was investigated", "cost_per_1000_asked": "Cost per 1,000 investigations",
    "cost_per_1000": "Cost per 1,000 transactions", "cost_per_million": "Cost per 1,000,000 transactions",
}  # fmt: skip


def _cost(value: float) -> str:
    """Small ones are told too: a payment costs parts of a cent."""
    return words.money(value) if value >= 1 or value == 0 else f"{value:.2g}"


def investigation(figures: Figures, currency: str) -> Section | None:
    """What the model that investigates did; None where none was asked."""
    found = figures["investigation"]
    if found is None:
        return None
    currency = str(found.get("currency") or currency)
    rows = [[says, words.number(found.get(name))] for name, says in _COUNTED.items() if name in found]
    rows.append(["Verdicts that say what the policy says", words.percent(found.get("agreement"))])
    if found.get("cost") is not None:
        rows += [[f"{says} ({currency})", _cost(found[name])] for name, says in _COSTS.items()]
    told = "The engine asked and clamped as it does online. What it changed is not in the figures above."
    if found.get("model"):
        told += f" Model: {found['model']}."
    if found.get("per_hour") is not None:
        told += f" {words.money(found['per_hour'])} {currency} an hour: {found.get('machines') or 'all its machines'}."
    blocks: list[Block] = [Text(told), Table("Investigation", ["", "Value"], rows)]
    failures = found.get("failures") or {}
    if failures:
        blocks.append(
            Table("Without a verdict", ["Reason", ""], [[str(k), words.number(v)] for k, v in failures.items()])
        )
    changes = [one for one in found.get("changes") or () if isinstance(one, Mapping)]
    if changes:
        columns = list(dict.fromkeys(str(key) for one in changes for key in one))[:8]
        rows = [[_text(one.get(name)) for name in columns] for one in changes[:200]]
        blocks.append(Table("What it changed", columns, rows, words=len(columns), folded=f"{len(rows)} transactions"))
    return Section("investigation", "Investigation", blocks)
