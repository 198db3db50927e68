"""What list entries do to a judgement.

In the order in which things act:

1. `deny`: BLOCK, score 100, risk 1. Nothing lifts it.
2. Certain facts, such as a freeze: score 100.
3. `allow`, where neither 1 nor 2 holds: lifts `block` entries and everything inferred, rules and floors alike (those
   for a tool that did not answer too). The reasons keep their points; `ALLOW_LISTED` takes off what is above the
   highest score that approves. `risk` goes on ranking by the evidence.
4. `block`, where no allow acts: BLOCK, score 100, risk 1.
5. Mutes: a muted rule or floor is out for that customer, whether it holds or cannot be computed. A certain rule is
   never muted.
6. Rules by family, up to each family's cap; 7. the ceiling on inferred evidence; 8. floors; 9. what the allow of 3
   takes off.
10. A rule that could not be computed: at least REVIEW, an allow or not, so that nothing passes unseen.

What follows from a decision (case, freeze, alerts) follows from the evidence: from the outcome that there would be
without freeze, `deny` and `block`. A listed block adds the policy's `actions_when_listed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fraudray.domain.decision import Adjustment, Reason
from fraudray.domain.evidence import LISTS, ToolEvidence
from fraudray.domain.listing import ListMatches, Mark
from fraudray.domain.lists import Level
from fraudray.policy.compiling import Line

FAMILY = "list"


def is_certain(line: Line) -> bool:
    """Whether a line states what is known, not inferred."""
    return bool(getattr(line.source, "certain", False))


def muted(lines: Iterable[Line], lists: ListMatches) -> dict[str, Mark]:
    """The mutes by rule, for those of `lines` that can be muted; of several the one that lasts longest."""
    marks = {mark.rule: mark for mark in sorted(lists.mutes, key=lambda mark: mark.expires_us or 0)}
    return {line.source.id: marks[line.source.id] for line in lines if line.source.id in marks and not is_certain(line)}


def allows(lists: ListMatches, *, certain: bool) -> bool:
    """Whether an allow entry acts."""
    return bool(lists.allow) and not lists.deny and not certain


def blocks(lists: ListMatches, *, certain: bool) -> bool:
    """Whether an entry makes it a BLOCK."""
    return bool(lists.deny) or (bool(lists.block) and not allows(lists, certain=certain))


def allowance(lists: ListMatches, score: int, review: int) -> Adjustment:
    """What an allow takes off a score that would not approve."""
    text = f"Allowed by {_names(lists.allow)}: what is inferred counts up to {review - 1}"
    return Adjustment(code="ALLOW_LISTED", points=review - 1 - score, text=text)


def reasons(lists: ListMatches, score: int, *, certain: bool) -> list[Reason]:
    """One reason for each level that matches; what blocks brings the score to 100."""
    allowed, found = allows(lists, certain=certain), []
    if lists.deny:
        found.append(_reason("DENY_LISTED", 100, 100 - score, "Denied", lists.deny))
        score = 100
    if lists.allow:
        why = "" if allowed else ", which lifts nothing: it is denied" if lists.deny else ", which lifts no certainty"
        found.append(_reason("ALLOW_LISTED", 0, 0, "Allowed", lists.allow, why))
    if lists.block:
        points, why = (0, ", which the allow lifts") if allowed else (100 - score, "")
        found.append(_reason("BLOCK_LISTED", 100, points, "Blocked", lists.block, why))
    return found


def listed_evidence(lists: ListMatches, taken_out: Sequence[str], *, certain: bool) -> ToolEvidence:
    """The entries that match, each under its id: `lists/<entry_id>`."""
    items = {mark.entry_id: _item(mark, lists, taken_out, certain) for mark in lists}
    return ToolEvidence(items=items)


def effect(mark: Mark, lists: ListMatches, taken_out: Sequence[str], *, certain: bool) -> str:
    """What an entry that matches did, in words."""
    if mark.level is Level.DENY:
        return "blocks; nothing lifts it"
    if mark.level is Level.ALLOW:
        if allows(lists, certain=certain):
            return "lifts blocks that an allow lifts, and what is inferred"
        return "lifts nothing: it is denied" if lists.deny else "lifts nothing: a certain fact stands"
    if mark.level is Level.BLOCK:
        return "lifted by an allow" if allows(lists, certain=certain) else "blocks"
    return f"muted until {mark.until}" + (", and would have held" if mark.rule in taken_out else "")


def _item(mark: Mark, lists: ListMatches, taken_out: Sequence[str], certain: bool) -> dict[str, str]:
    item = {"level": mark.level.value, "kind": mark.kind.value}
    if mark.rule is not None:
        item["rule"] = mark.rule
    if mark.expires_at is not None:
        item["expires_at"] = mark.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return item | {"effect": effect(mark, lists, taken_out, certain=certain)}


def _reason(code: str, weight: int, points: int, what: str, marks: Sequence[Mark], why: str = "") -> Reason:
    kinds = ", ".join(dict.fromkeys(mark.kind.value.replace("_", " ") for mark in marks))
    return Reason(
        code=code, family=FAMILY, weight=weight, points=points, text=f"{what} by list ({kinds}){why}",
        evidence=[f"{LISTS}/{mark.entry_id}" for mark in marks],
    )  # fmt: skip


def _names(marks: Sequence[Mark]) -> str:
    return ", ".join(mark.entry_id for mark in marks)
