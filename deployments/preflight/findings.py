"""What a check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. `do` says what to do where it failed."""

    check: str
    ok: bool
    found: str
    do: str = ""

    def line(self) -> str:
        """One line of the log; a failed check has a second."""
        head = f"{'ok' if self.ok else 'FAILED':<8}{self.check:<22}{self.found}"
        return head if self.ok else f"{head}\n{'':<8}do: {self.do}"


def finding(check: str, *, ok: bool, found: str, do: str) -> Finding:
    """A finding whose advice is dropped when there is nothing to advise on."""
    return Finding(check, ok, found, "" if ok else do)


def document(node: int, findings: Sequence[Finding], **more: Any) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "node": node,
        "ok": all(each.ok for each in findings),
        "findings": [asdict(each) for each in findings],
        **more,
    }
