"""One thing that a cluster needs, looked for: there, missing, not needed, or not for these credentials to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from fraudray.deployments.cluster.kube import NotAllowed, NotThere

Verdict = Literal["ok", "missing", "unknown", "optional"]
"""`unknown`: it cannot be seen now, or not by these credentials; `optional`: not there, and nothing here needs it."""

Look = Callable[[], tuple[bool | None, str]]
"""Looks for it: whether it is as it should be (None: that cannot be seen now), and what was found.

May raise NotThere or NotAllowed."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was looked for, what was found, what it is for and how to get it."""

    what: str
    verdict: Verdict
    found: str
    for_what: str
    how: str

    def document(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)


def looked(what: str, look: Look, *, for_what: str, how: str, needed: bool = True) -> Line:
    """Look, and say it. Raises ClusterUnreachable."""
    there: bool | None
    try:
        there, found = look()
    except NotThere:
        there, found = False, "not there"
    except NotAllowed as error:
        how = "look as somebody who may, or give these credentials the right"
        return Line(what, "unknown", str(error), for_what, how)
    if there is None:
        return Line(what, "unknown", found, for_what, how)
    verdict: Verdict = "ok" if there else "missing" if needed else "optional"
    return Line(what, verdict, found, for_what, how)
