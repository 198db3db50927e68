"""What people read of `fraudray cluster`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from fraudray.cli.tables import listing, plain
from fraudray.deployments.cluster.findings import Finding
from fraudray.deployments.cluster.health import Health, State
from fraudray.deployments.cluster.lines import Line
from fraudray.deployments.cluster.scaling import Change

_VERDICTS = {"ok": "green", "missing": "bold red", "unknown": "yellow", "optional": "dim"}


def findings_view(findings: Sequence[Finding]) -> RenderableType:
    """Findings by object: where, what, and what to do."""
    parts: list[RenderableType] = []
    for name, group in groupby(findings, key=lambda finding: finding.object):
        parts.append(plain(name, "bold"))
        rows = [(finding.rule, finding.path, finding.message, finding.advice) for finding in group]
        parts.append(listing(("Rule", "Where", "What is wrong", "What to do"), rows, empty=""))
    return Group(*parts)


def prerequisites_view(lines: Sequence[Line]) -> RenderableType:
    """What was looked for; how to get it is said where it is not there."""
    rows = [
        (
            line.what,
            plain(line.verdict, _VERDICTS[line.verdict]),
            line.found,
            line.for_what,
            "" if line.verdict == "ok" else line.how,
        )
        for line in lines
    ]
    return listing(("What", "State", "Found", "For", "How to get it"), rows, empty="")


def health_view(health: Health) -> RenderableType:
    """States of objects, pods that are not ready, warnings."""
    parts: list[RenderableType] = [
        listing(("What", "State", "Message"), _rows(health.states), empty="No RayService, RayCluster or RayJob here.")
    ]
    if health.pods:
        parts.append(listing(("Pod that is not ready", "Reason", "Message"), _rows(health.pods), empty=""))
    if health.events:
        parts.append(listing(("Warning about", "Reason", "When and what"), _rows(health.events), empty=""))
    parts.extend(plain(f"Not seen: {words}", "yellow") for words in health.unseen)
    return Group(*parts)


def changes_view(changes: Sequence[Change], *, off: bool, done: bool) -> RenderableType:
    """What will be, or was, done to which object, and what it means meanwhile."""
    parts: list[RenderableType] = []
    for change in changes:
        if not change.words:
            parts.append(plain(f"{change.manifest}: is as wanted"))
        parts.extend(plain(f"{change.manifest}: {words}" + (" (done)" if done else "")) for words in change.words)
    if off:
        parts.append(Text("While the model is off, the policy decides alone, and every decision says so."))
    elif any(change.words for change in changes):
        parts.append(
            Text("Until the model is ready again (nodes, weights: 10 to 20 minutes), the policy decides alone.")
        )
    return Group(*parts)


def _rows(states: Sequence[State]) -> list[tuple[str | Text, ...]]:
    return [
        (
            "  " * state.level + state.what,
            plain(state.state, "green" if state.well else "bold red"),
            state.message,
        )
        for state in states
    ]
