"""Overlays, clusters and site values, by name or by folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fraudray.cli.exits import InputError

ROOT = Path("kuberay")
"""Where names are looked for, from the folder that the command runs in."""


@dataclass(frozen=True, slots=True)
class Place:
    """One way to run fraudray, as a tree like `kuberay` keeps it: all its folders bear the same name."""

    root: Path
    name: str

    @property
    def overlay(self) -> Path:
        """What is applied to the cluster."""
        return self.root / "overlays" / self.name

    @property
    def eksctl(self) -> Path:
        """The cluster itself."""
        return self.root / "eksctl" / self.name

    @property
    def site(self) -> Path:
        """The values that differ from site to site."""
        return self.root / "site" / "site.env"


def find_place(given: str) -> Place:
    """By a name (`p4d-efa`), an overlay's folder, or the folder of its cluster. Raises InputError for none of them."""
    folder = Path(given)
    if "/" not in given and not folder.is_dir():
        place = Place(ROOT, given)
    else:
        folder = folder.resolve()
        place = Place(folder.parent.parent, folder.name)
        if folder.parent.name not in ("overlays", "eksctl"):
            raise InputError(f"{given} is neither in a folder overlays/ nor in one eksctl/: name an overlay")
    if not place.overlay.is_dir():
        known = sorted(path.name for path in (place.root / "overlays").glob("*") if path.is_dir())
        there = f"; there are: {', '.join(known)}" if known else " (is this the folder that holds kuberay/?)"
        raise InputError(f"there is no overlay {place.overlay}{there}")
    return place
