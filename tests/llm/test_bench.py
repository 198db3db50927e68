"""`fraudray bench llm` with a model of its own: real vLLM, started for it and stopped after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fraudray.llm.tiny_model import MODEL_ID

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHORT = ["-n", "3", "--loops", "1", "--at-once", "8", "--windows", "1", "--seconds", "3"]


def engines() -> set[int]:
    return {process.pid for process in psutil.process_iter() if "VLLM::" in process.name()}


def test_it_measures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = engines()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRAUDRAY_")}
    fraudray = str(Path(sys.executable).with_name("fraudray"))
    ran = subprocess.run(
        [fraudray, "bench", "llm", *SHORT, "--json"], capture_output=True, text=True, timeout=800,
        env=environment | {"TMPDIR": str(tmp_path), "FRAUDRAY_DATA_DIR": str(tmp_path / "data")},
    )  # fmt: skip

    assert ran.returncode in (0, 1), ran.stderr  # 1: none of three came to a verdict, which random weights may do
    figures = json.loads(ran.stdout)
    assert (figures["model"], figures["investigations"]) == (MODEL_ID, 3)
    assert figures["usual_loop"]["usual_round_trips"] == 7
    assert figures["throughput"]["agent_tokens_per_s"] > 0 < figures["throughput"]["bare_tokens_per_s"]
    assert figures["prefix_cache"]["cached_tokens"] > 0
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(("fraudray-bench-", "fr-"))]
    assert engines() <= before
