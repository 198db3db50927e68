"""Every command and example of the README runs as written, against the server that `make run` started."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import REPOSITORY, Served

pytestmark = pytest.mark.serve
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))
SHELL = [body for language, kind, body in BLOCKS if language == "bash" and not kind.strip()]
PYTHON = [body for language, _, body in BLOCKS if language == "python"]


def test_the_first_commands_are_targets_that_ci_runs() -> None:
    """`make run` is what the `served` fixture starts; `make test` is what .ci/run calls by way of `make test-all`."""
    (first,) = [body for language, kind, body in BLOCKS if kind.strip() == "make"]
    assert re.findall(r"^make \S+", first, re.MULTILINE) == ["make run", "make test"]
    dry = subprocess.run(["make", "-n", "test-all"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for chosen in ('"not slow and not serve"', '"serve and not slow"', "slow"):
        assert f"pytest -m {chosen}" in dry.stdout


@pytest.mark.parametrize("block", SHELL, ids=[body.split("\n", 1)[0][:60] for body in SHELL])
def test_a_shell_block_runs(block: str, served: Served, tmp_path: Path) -> None:
    for line in ("decisions.ndjson", "rejects.ndjson", "my-policy.yaml", "made-history", "made-run", "rendered"):
        block = re.sub(rf"(?<![^\s']){re.escape(line)}", str(tmp_path / line), block)
    script = "set -euo pipefail\n" + block.replace("http://127.0.0.1:8000", served.url)
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=REPOSITORY,
        env=served.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"status":4' not in ran.stdout
    assert '"status":5' not in ran.stdout


@pytest.mark.parametrize("block", PYTHON)
def test_a_python_block_runs(block: str, served: Served) -> None:
    assert len(block.strip().splitlines()) <= 12
    ran = subprocess.run(
        [sys.executable, "-c", block], env=served.environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "decided" in ran.stdout
