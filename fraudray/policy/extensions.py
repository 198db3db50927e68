"""Evidence and scoring of other packages, found by entry point.

A package offers them in its pyproject.toml; a policy names them:

    [project.entry-points."fraudray.evidence"]
    merchant-watch = "my_bank.watch:MerchantWatch"

    [project.entry-points."fraudray.scoring"]
    my-score = "my_bank.score:score"
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

EVIDENCE = "fraudray.evidence"
SCORING = "fraudray.scoring"


class ExtensionMissing(LookupError):
    """No installed package offers it, or it cannot be imported; the text says which."""


def installed(group: str) -> list[str]:
    """The names that installed packages offer in `group`."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str) -> Any:
    """What the entry point names. Raises ExtensionMissing."""
    for point in entry_points(group=group, name=name):
        try:
            return point.load()
        except Exception as error:
            raise ExtensionMissing(f"{point.value} cannot be loaded: {type(error).__name__}: {error}") from error
    offered = ", ".join(installed(group)) or "none"
    raise ExtensionMissing(f"no installed package offers it (entry points {group}: {offered})")
