"""Evidence and scoring of other packages, found by entry point.

A package offers them in its pyproject.toml; a policy names them:

    [project.entry-points."fraudray.evidence"]
    merchant-watch = "my_bank.watch:MerchantWatch"

    [project.entry-points."fraudray.scoring"]
    my-score = "my_bank.score:score"
"""

from __future__ import annotations

import traceback
from importlib.metadata import entry_points
from typing import Any

from fraudray.domain.cards import mask

EVIDENCE = "fraudray.evidence"
SCORING = "fraudray.scoring"


class ExtensionMissing(LookupError):
    """No installed package offers it, several do, or it cannot be imported; the text says which."""


def installed(group: str) -> list[str]:
    """The names that installed packages offer in `group`."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str) -> Any:
    """What the entry point names. Raises ExtensionMissing."""
    points = list(entry_points(group=group, name=name))
    if not points:
        offered = ", ".join(installed(group)) or "none"
        raise ExtensionMissing(f"no installed package offers {name} (entry points {group}: {offered})")
    if len(points) > 1:
        packages = ", ".join(sorted(point.dist.name if point.dist else point.value for point in points))
        raise ExtensionMissing(f"several installed packages offer {name} ({packages}); uninstall all but one")
    try:
        return points[0].load()
    except (Exception, SystemExit) as error:  # whatever an import does, it ends nothing here
        said = mask(f"{type(error).__name__}: {error}"[:300])
        raise ExtensionMissing(f"{points[0].value} cannot be loaded: {said}") from error


def failure(error: BaseException) -> str:
    """What went wrong in others' code, and where; not the message, which may quote the transaction."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__name__ + (f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else "")
