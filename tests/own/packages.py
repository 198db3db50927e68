"""Installed packages with entry points, as an installer leaves them: modules and a .dist-info on the path."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

Install = Callable[..., str]
_fresh = count()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a module offering entry points: `install(code, evidence={"name": "Class"})`; gives its module name."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(code: str, *, evidence: dict[str, str] | None = None, scoring: dict[str, str] | None = None) -> str:
        module = f"bank_{next(_fresh)}"  # modules stay loaded, so each has a name of its own
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        groups = {"fraudray.evidence": evidence or {}, "fraudray.scoring": scoring or {}}
        lines = [
            f"[{group}]\n" + "".join(f"{name} = {module}:{attribute}\n" for name, attribute in points.items())
            for group, points in groups.items()
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))
        return module

    return install
