"""Sections on what was left out, how everything was measured, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.batch.report.blocks import Block, Points, Section, Table, Text
from fraudray.domain import figure_words as words

Figures = Mapping[str, Any]
Run = Mapping[str, Any]
REJECTED_MAX = 50


def rejected(run: Run) -> Section:
    """Rows that were not replayed."""
    found = run.get("rejected", [])
    if not found:
        return Section("rejected", "Rejected rows", [Text("No row was rejected.")])
    total = sum(int(one.get("count", 0)) for one in found)
    rows = [
        [str(one.get("reason", "")), words.number(one.get("count", 0)), str(one.get("example", ""))] for one in found
    ]
    return Section("rejected", "Rejected rows", [
        Text(f"{words.number(total)} rows of the history could not be replayed and are in no figure."),
        Table("Rejected rows by reason", ["Reason", "Rows", "Example"], rows[:REJECTED_MAX], words=3),
    ])  # fmt: skip


def method(figures: Figures, run: Run) -> Section:
    """How it was measured, and on what."""
    intervals, k = figures["intervals"], figures["k"]
    how = [
        "Every transaction was decided by the engine that decides live, in order of arrival, on what was known then.",
        "REVIEW and BLOCK both count as flagged. Quality is of labelled transactions; the alert rate is of all.",
        (
            "AUC ROC and average precision are exact, from counts by distinct risk, ties included. Recall at a "
            "false-positive rate is read at the lowest risk that flags at most that share of genuine transactions; "
            "nothing is interpolated."
        ),
        (
            f"Card precision@{k} is the mean over days of the victims' share among the {k} customers of highest risk, "
            "without those already known to be compromised; ties at the edge count by expectation."
        ),
        _how_intervals(figures),
    ]
    if intervals["reason"] is not None:
        how[-1] = f"There are no intervals: {str(intervals['reason']).removeprefix('no interval: ')}."
    return Section(
        "method", "How it was measured", [Points(how), Table("This run", ["What", "Value"], _facts(run), words=2)]
    )


def _how_intervals(figures: Figures) -> str:
    intervals = figures["intervals"]
    return (
        f"Intervals (95 %) come from drawing the {words.number(intervals['days'])} days again with replacement, "
        f"{intervals['resamples']} times (seed {figures['seed']}): whole days, since the transactions of a day hang "
        "together. Differences between policies use the same draws."
    )


def _facts(run: Run) -> list[list[str]]:
    rows: list[list[str]] = []
    for side, policy in run.get("policies", {}).items():
        thresholds = ", ".join(f"{name} {value}" for name, value in policy.get("thresholds", {}).items())
        parts = [policy.get("name"), policy.get("version"), thresholds, policy.get("hash")]
        rows.append([f"Policy ({side})", "; ".join(str(part) for part in parts if part)])
    history = run.get("history", {})
    rows += [
        ["Plain rules", str(run.get("plain", ""))],
        ["History", str(history.get("name", ""))],
        ["Sources", ", ".join(str(one) for one in history.get("sources", ()))],
        ["Rows in it", words.number(history["rows"]) if "rows" in history else ""],
        ["From", str(history.get("first", ""))],
        ["To", str(history.get("last", ""))],
        ["Labels", str(history.get("labels", ""))],
        ["Base currency", str(run.get("base_currency", ""))],
        ["Feedback delay", f"{run['feedback_delay_days']:g} days" if "feedback_delay_days" in run else ""],
    ]
    rows += [[f"Wall time: {step}", words.seconds(float(value))] for step, value in run.get("wall_s", {}).items()]
    rows += [[str(name), str(value)] for name, value in run.get("settings", {}).items()]
    rows.append(["Made at", str(run.get("made_at", ""))])
    return [row for row in rows if row[1]]


def limits(figures: Figures, run: Run) -> Section:
    """What the figures cannot say."""
    rows = figures["rows"]
    found = [
        "Labels are what the history says: a fraud that nobody reported counts as genuine.",
        "In a replay nobody reacts: thieves do not change their ways, customers do not call, analysts lift nothing.",
        (
            "Intervals show how much figures vary from day to day within this history, not what another year or "
            "another bank's customers would give. Where all days agree, there is none."
        ),
        "Money rests on the assumed costs, and counts a reviewed fraud as stopped to the share assumed.",
    ]
    if rows["unlabelled"]:
        found.append(
            f"{words.number(rows['unlabelled'])} transactions without a label are in no figure of quality or money."
        )
    if 0 < rows["fraud"] < 100:
        found.append(f"There are only {words.number(rows['fraud'])} frauds: every share of them is rough.")
    blocks: list[Block] = [Points([*found, *(str(note) for note in run.get("notes", ()))])]
    return Section("limits", "Limits", blocks)
