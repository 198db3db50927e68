"""What package.json names, installed once beside this environment's packages, and how it is run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fraudray.settings import PREFIX
from tests.engines.npm import installed

HERE = Path(__file__).parent
_RESULT = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
Suite = Literal["2025-11-25", "2026-07-28"]
Checks = dict[str, list[dict[str, Any]]]
_SUITES: dict[Suite, tuple[str, tuple[str, ...]]] = {
    "2025-11-25": ("conformance", ("--suite", "all")),
    "2026-07-28": ("conformance-next", ("--requirements", "2026-07-28")),
}


@dataclass(frozen=True)
class Said:
    """What a run of the Inspector left: its answer and its complaints."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The result, or the error, as the Inspector prints it."""
        try:
            printed: dict[str, Any] = json.loads(self.out)
        except ValueError:
            raise AssertionError(f"exit code {self.code}: {self.out}{self.err}") from None
        found: dict[str, Any] = printed.get("result", printed)
        return found


@dataclass(frozen=True)
class Programs:
    """The installed programs, with a home of their own: they leave nothing in that of whoever runs the tests."""

    root: Path
    home: Path

    @classmethod
    def install(cls, home: Path) -> Programs:
        """Install them as locked, if they are not there yet; skips the test where there is no npm."""
        return cls(installed(HERE, "mcp-world"), home)

    def run(self, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        modules = self.root / "node_modules"
        # The Node of the lock first: the system's may be too old.
        path = [*map(str, modules.glob("node-*/bin")), str(modules / ".bin"), os.environ["PATH"]]
        kept = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "npm_"))}
        environment = kept | {
            "PATH": os.pathsep.join(path), "HOME": str(self.home), "MCP_INSPECTOR_SECRET_STORE": "memory", **more,
        }  # fmt: skip
        return subprocess.run(
            command, cwd=self.home, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def conformance(self, suite: Suite, url: str, known: Path, results: Path) -> tuple[Said, Checks]:
        """The suite's own verdict, with the failures in `known` expected, and the checks of each scenario."""
        package, options = _SUITES[suite]
        program = self.root / "node_modules" / package / "dist" / "index.js"
        ran = self.run(
            "node", program, "server", "--url", url, *options, "--expected-failures", known, "-o", results
        )  # fmt: skip
        checks: Checks = {}
        for file in results.glob("*/checks.json"):
            named = _RESULT.fullmatch(file.parent.name)
            assert named is not None, file
            checks[named[1]] = json.loads(file.read_text())
        return Said(ran.returncode, ran.stdout, ran.stderr), checks

    def inspector(self, *arguments: str | Path, **more: str) -> Said:
        """One run of the Inspector's command line."""
        ran = self.run("mcp-inspector", "--cli", "--format", "json", *arguments, **more)
        return Said(ran.returncode, ran.stdout, ran.stderr)
