"""A back-test in a few lines: for a terminal, and the sentences above the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.batch.report.outcomes import DECIDED, EVIDENCE
from fraudray.domain import figure_words as words

SIDES = {"champion": "Champion", "challenger": "Challenger", "plain": "Plain rules"}


def summary_lines(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values; those of the challenger and of the plain rules follow the champion's."""
    rows, champion = figures["rows"], figures["sides"]["champion"]
    found = [
        ("Transactions", words.number(rows["all"])),
        ("Labels", labels(rows)),
        *_decided("", champion[DECIDED]["measures"]),
        ("Without freezes", pair(champion[EVIDENCE]["measures"])),
        *_ranked("", figures, "champion"),
    ]
    for name, side in figures["sides"].items():
        if name != "champion":
            found += [
                (f"{SIDES[name]}: {first.lower()}", value) for first, value in _decided("", side[DECIDED]["measures"])
            ]
            found += [(f"{SIDES[name]}: {first}", value) for first, value in _ranked("", figures, name)]
    if figures["intervals"]["reason"]:
        found.append(("Intervals", figures["intervals"]["reason"]))
    return [*found, ("Promise", figures["claim"]["sentence"])]


def labels(rows: Mapping[str, Any]) -> str:
    """How many rows have which label."""
    text = f"{words.number(rows['fraud'])} fraud ({words.percent(rows['fraud_share'])} of labelled), "
    return text + f"{words.number(rows['genuine'])} genuine, {words.number(rows['unlabelled'])} without"


def pair(measures: Mapping[str, Any]) -> str:
    """Detection and false positives together."""
    return f"{words.share(measures['recall'])} of frauds at {words.share(measures['fpr'])} of genuine"


def _decided(prefix: str, measures: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{prefix}Detected", _or_why(words.share(measures["recall"]), measures["recall"])),
        (f"{prefix}False positives", _or_why(words.share(measures["fpr"]), measures["fpr"])),
        (f"{prefix}Precision", _or_why(words.share(measures["precision"]), measures["precision"])),
        (f"{prefix}Alert rate", words.share(measures["alert_rate"])),
        (f"{prefix}Net benefit", words.amount(measures["net_benefit"])),
    ]


def _ranked(prefix: str, figures: Mapping[str, Any], side: str) -> list[tuple[str, str]]:
    if side not in figures["ranking"]:
        return []
    ranking, cards = figures["ranking"][side]["measures"], figures["cards"][side]["measures"]["card_precision"]
    return [
        (f"{prefix}AUC ROC", _or_why(words.unit_value(ranking["auc_roc"]), ranking["auc_roc"])),
        (f"{prefix}Average precision", words.unit_value(ranking["average_precision"])),
        (f"{prefix}Card precision@{figures['k']}", _or_why(words.unit_value(cards), cards)),
    ]


def _or_why(text: str, measure: Mapping[str, Any]) -> str:
    return f"{text} {measure['reason']}" if measure["value"] is None else text


def headlines(figures: Mapping[str, Any], currency: str) -> list[str]:
    """What was found, one plain sentence each."""
    rows, sides = figures["rows"], figures["sides"]
    if not rows["all"]:
        return ["No transaction was replayed: there is nothing to measure."]
    measures = sides["champion"][DECIDED]["measures"]
    found = [_caught("The champion", measures), figures["claim"]["sentence"], figures["claim"]["plain_sentence"]]
    if rows["unlabelled"]:
        share = words.percent(rows["unlabelled"] / rows["all"])
        found.append(
            f"{words.number(rows['unlabelled'])} transactions ({share}) have no label: they count towards the alert "
            "rate only, not towards what was caught or stopped by mistake."
        )
    if "challenger" in sides:
        found.append(_challenged(figures))
    found.append(_net(measures, currency))
    return [sentence for sentence in found if sentence]


def _caught(who: str, measures: Mapping[str, Any]) -> str:
    recall, fpr = measures["recall"], measures["fpr"]
    if recall["value"] is None and fpr["value"] is None:
        return f"Nothing can be said of what was caught: {recall['reason']}."
    caught = f"caught {words.share(recall)} of frauds" if recall["value"] is not None else "met no fraud"
    stopped = "met no genuine payment"
    if fpr["value"] is not None:
        stopped = f"held or stopped {words.share(fpr)} of genuine payments"
    return f"{who} {caught} and {stopped}."


def _challenged(figures: Mapping[str, Any]) -> str:
    change = figures["deltas"]["challenger_champion"][DECIDED]
    if change["recall"]["value"] is None or change["fpr"]["value"] is None:
        return f"The challenger cannot be compared: {change['recall']['reason'] or change['fpr']['reason']}."
    recall, fpr = _change(change["recall"], "frauds"), _change(change["fpr"], "genuine payments")
    return f"The challenger catches {recall} and holds or stops {fpr}."


def _change(measure: Mapping[str, Any], of: str) -> str:
    if measure["value"] == 0:
        return f"the same share of {of}"
    value = words.points({**measure, "value": abs(measure["value"]), "low": None}).lstrip("+")
    interval = words.points(measure).partition(" ")[2].strip("()")
    if interval and measure["low"] <= 0 <= measure["high"]:
        interval += ", so perhaps by chance"
    more = "more" if measure["value"] > 0 else "fewer"
    return f"{value} points {more} of {of}" + (f" ({interval})" if interval else "")


def _net(measures: Mapping[str, Any], currency: str) -> str:
    net = measures["net_benefit"]
    if net["value"] is None:
        return ""
    interval = "" if net["low"] is None else f" ({words.money(net['low'])} to {words.money(net['high'])})"
    verb = "saves" if net["value"] >= 0 else "costs"
    return (
        f"Against approving everything, the champion {verb} {words.money(abs(net['value']))} {currency}{interval} net, "
        "by the costs assumed below."
    )
