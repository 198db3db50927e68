"""A history's escalated transactions put to real vLLM on Ray Data: killed, taken up again, with rows that fail."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
import yaml
from pyarrow import dataset, parquet

from fraudray.agent.conversation import ANSWER_TOKENS
from fraudray.batch.synthetic.generate import generate_history
from fraudray.batch.synthetic.plan import Plan
from fraudray.domain.decision import Outcome
from fraudray.llm.laptop import laptop_serving
from fraudray.policy.policy import Policy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROWS, ASKED = 16_000, 200
PRICES = "per_hour: 65.54\ncurrency: USD\nmachines: two machines\n"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated history of which the default policy escalates more than are asked about."""
    folder = tmp_path_factory.mktemp("history") / "made"
    plan = Plan.of(
        rows=ROWS, seed=4, customers=None, days=60, start=date(2026, 1, 1), fraud_share=0.1, label_delay_days=5
    )
    generate_history(plan, folder)
    return folder


def started(history: Path, folder: Path, *more: str) -> subprocess.Popen[str]:
    prices = folder / "prices.yaml"
    prices.write_text(PRICES, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRAUDRAY_")}
    command = [
        str(Path(sys.executable).parent / "fraudray"), "backtest", str(history / "*.parquet"), "--out",
        str(folder / "run"), "--investigate", "--prices", str(prices), "--json", *more,
    ]  # fmt: skip
    return subprocess.Popen(
        command, env=environment | {"FRAUDRAY_DATA_DIR": str(folder / "data")}, stdout=(folder / "out").open("w"),
        stderr=(folder / "err").open("a"), text=True, start_new_session=True,
    )  # fmt: skip


def finished(process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    assert process.wait(600) == 0, (folder / "err").read_text()[-4000:]
    found: dict[str, Any] = json.loads((folder / "out").read_text())["figures"]["investigation"]
    return found


def answers(folder: Path) -> dict[tuple[int, int], str]:
    """What was answered so far, by row and step."""
    files = sorted((folder / "run" / ".work" / "investigation" / "answers").glob("*/*.parquet"))
    rows = [row for file in files for row in parquet.read_table(file).to_pylist()]
    return {(row["row"], row["step"]): row["text"] for row in rows if not row["failed"]}


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str], folder: Path) -> None:
    deadline = time.monotonic() + 300
    while not what():
        assert process.poll() is None, (folder / "err").read_text()[-4000:]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def engines(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes in which the engine computes."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if "EngineCore" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


@dataclass(frozen=True)
class Killed:
    """A run that was killed, then had its engine killed: what was answered before and after, and how it ended."""

    folder: Path
    before: dict[tuple[int, int], str]
    after: dict[tuple[int, int], str]
    figures: dict[str, Any]


OPTIONS = ("--llm", "tiny", "--investigate-max", str(ASKED))


@pytest.fixture(scope="module")
def killed(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    folder = tmp_path_factory.mktemp("killed")
    first = started(history, folder, *OPTIONS)
    wait_for(lambda: len(answers(folder)) > 0, first, folder)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(30)
    before = answers(folder)
    second = started(history, folder, *OPTIONS)
    wait_for(lambda: len(answers(folder)) > len(before), second, folder)
    (engine,) = engines(second)
    engine.kill()
    figures = finished(second, folder)
    return Killed(folder, before, answers(folder), figures)


def test_killed_and_with_its_engine_killed_every_row_gets_its_verdict_once(killed: Killed) -> None:
    figures, rows = killed.figures, rows_of(killed.folder).to_pylist()
    assert figures["asked"] == figures["answered"] == ASKED < figures["escalated"]
    assert figures["failed"] == 0, figures["failures"]
    assert 0 < len(killed.before) < ASKED
    assert killed.before.items() <= killed.after.items(), "what was answered is not asked again"
    assert {row for row, _ in killed.after} == {row["row"] for row in rows}
    for row in rows:
        before, now = Outcome(row["policy_decision"]), Outcome(row["decision"])
        assert now.severity >= before.severity, "never below the policy"
        assert now.severity - before.severity <= 1 or row["unswayed"]
        assert row["verdict"] is not None


def test_tokens_and_costs_are_told(killed: Killed) -> None:
    figures = killed.figures
    assert figures["prompt_tokens"] > 2000 * ASKED
    assert figures["engine_s"] > 0
    assert figures["cost"] == pytest.approx(figures["engine_s"] * 65.54 / 3600)
    assert figures["cost_per_million"] == pytest.approx(figures["cost"] / ASKED * figures["escalated"] / ROWS * 1e6)
    report = (killed.folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "Investigation" in report
    assert "two machines" in report


def test_a_run_that_is_finished_is_only_told_again(history: Path, killed: Killed) -> None:
    assert finished(started(history, killed.folder, *OPTIONS), killed.folder) == killed.figures


def test_a_prompt_that_is_too_long_is_cut_or_recorded_and_the_run_goes_on(
    history: Path, killed: Killed, tmp_path: Path
) -> None:
    """The context holds the longest answer and half of the prompts: of the others what people wrote is cut, and for
    some even that is not enough."""
    once = [row["prompt_tokens"] for row in rows_of(killed.folder).to_pylist() if row["round_trips"] == 1]
    longest = int(statistics.median(once))
    investigate = Policy.load().document.investigate
    context = longest + investigate.thinking_tokens_max + ANSWER_TOKENS
    model = tmp_path / "model.yaml"
    fields = laptop_serving("tiny", tmp_path / "data").model_dump(mode="json") | {"max_model_len": context}
    model.write_text(yaml.safe_dump(fields), encoding="utf-8")

    figures = finished(started(history, tmp_path, "--llm", str(model), "--investigate-max", "60"), tmp_path)

    assert figures["asked"] == 60
    assert set(figures["failures"]) == {"bad_request"}
    assert 0 < figures["failures"]["bad_request"] < 60
    for row in rows_of(tmp_path).to_pylist():
        if row["round_trips"] == 1:
            assert row["prompt_tokens"] <= longest
        if row["failure"] is not None:
            assert str(context) in row["detail"]
            assert row["decision"] == row["policy_decision"]


def rows_of(folder: Path) -> pa.Table:
    return dataset.dataset(folder / "run" / "investigation").to_table()
