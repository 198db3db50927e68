"""Small policies that use evidence and scoring of one's own."""

from __future__ import annotations

from pathlib import Path

HEAD = """\
name: own
version: "1"
families:
  watch: {cap: 60}
"""
TAIL = """\
actions: {APPROVE: [], REVIEW: [open_case], BLOCK: [open_case]}
recommendations: {APPROVE: a, REVIEW: r, BLOCK: b}
"""
QUIET = """\
rules:
  - {id: quiet, code: QUIET, family: watch, weight: 0, when: "!spending", text: quiet}
"""
LISTED = """\
rules:
  - {id: listed, code: LISTED, family: watch, weight: 50, when: watch_listed, text: "{watch_note} since {watch_days} d"}
"""


def written(folder: Path, middle: str, *, rules: str = LISTED) -> Path:
    """A policy file with `middle` (evidence, scoring) in it."""
    file = folder / "policy.yaml"
    file.write_text(HEAD + middle + rules + TAIL)
    return file
