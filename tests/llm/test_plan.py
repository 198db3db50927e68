"""The estimator of `fraudray plan llm` beside real vLLM on this machine's processor.

A model that is read for most of a step (0.3 GB of weights) is predicted from the machine's own bandwidth and from what
the engine takes for a step, which a model of 3 MB tells. How near it comes is printed; that it is no more than three
times off is the test, for a processor's bandwidth in bf16 is not that of numpy's 32 bits, and others may be at work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fraudray.deployments.planning.check import MEASURED
from fraudray.deployments.planning.command import app as plan
from fraudray.deployments.planning.layout import Layout
from fraudray.deployments.planning.machine import measure_machine
from fraudray.deployments.planning.models import KNOWN, read_shape
from fraudray.deployments.planning.timing import Timing
from fraudray.llm.laptop import laptop_serving
from fraudray.llm.tiny_model import MODEL_ID, ensure_tiny_model
from tests.llm.written_tokens import RESULT

PROMPT, WRITTEN, MANY = 64, 33, 8
CONTEXT = PROMPT + WRITTEN / 2
ROOT = Path(__file__).parents[2]
LARGER = {
    "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 16,
    "num_key_value_heads": 4, "head_dim": 64,
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_tiny_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def larger(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's tokenizer with the configuration of one of 0.15e9 parameters; its weights are never written."""
    folder = tmp_path_factory.mktemp("larger")
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        (folder / name).write_bytes((tiny / name).read_bytes())
    config = json.loads((tiny / "config.json").read_text()) | LARGER
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def written(folder: Path) -> dict[int, float]:
    """Seconds of a token by how many are written at once, by vLLM in a process of its own."""
    environment = os.environ | laptop_serving(str(folder), folder).env
    command = [sys.executable, "-m", "tests.llm.written_tokens", str(folder), str(PROMPT), str(WRITTEN), "1", str(MANY)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr[-4000:]
    (line,) = (line for line in ran.stdout.splitlines() if line.startswith(RESULT))  # among the engine's own lines
    found: dict[str, float] = json.loads(line.removeprefix(RESULT))
    return {int(batch): seconds for batch, seconds in found.items()}


def test_the_tiny_models_shape_is_that_of_its_config_file(tiny: Path) -> None:
    read = read_shape(tiny)

    assert read == replace(KNOWN[MODEL_ID], name=read.name, source=read.source)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_larger_models_tokens_are_predicted_from_the_tiny_ones_and_the_machine(tiny: Path, larger: Path) -> None:
    shape = read_shape(larger)
    machine = measure_machine(shape.read_bytes("bf16"))
    step = written(tiny)
    # The tiny model is in the cache: what a step takes is the engine's own time, for itself and for each request.
    request_step_s = max(0.0, (step[MANY] - step[1]) / (MANY - 1))
    efficiency = replace(MEASURED, step_s=max(0.0, step[1] - request_step_s), request_step_s=request_step_s)
    timing = Timing(shape, machine.instance(shape.weight_bytes("bf16")), Layout(1, 1), efficiency)

    measured = written(larger)
    predicted = {batch: timing.token(batch, CONTEXT).total_s for batch in (1, MANY)}

    said = f"machine {machine}, tiny {step}, predicted {predicted}, measured {measured}"
    print(said)
    for batch, seconds in predicted.items():
        assert 1 / 3 < seconds / measured[batch] < 3, said
    assert measured[1] > step[1], said  # else the weights are not what a step is spent on


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_bench_of_this_machine_is_predicted_beside_what_it_measured(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRAUDRAY_")}
    fraudray = str(Path(sys.executable).with_name("fraudray"))
    short = ["-n", "6", "--loops", "1", "--at-once", "8", "--windows", "1", "--seconds", "4", "--json"]
    ran = subprocess.run(
        [fraudray, "bench", "llm", *short], capture_output=True, text=True, timeout=900,
        env=environment | {"FRAUDRAY_DATA_DIR": str(tmp_path / "data")},
    )  # fmt: skip
    assert ran.returncode in (0, 1), ran.stderr  # 1: random weights came to no verdict
    (tmp_path / "bench.json").write_text(ran.stdout)

    checked = CliRunner().invoke(plan, ["llm", "--check-against", str(tmp_path / "bench.json"), "--json"])
    assert checked.exit_code == 0, checked.output
    found: dict[str, Any] = json.loads(checked.stdout)
    print(checked.stdout)
    assert found["model"] == MODEL_ID
    assert found["step_s"] > 0
    peaks, short_answer, alone, many = found["beside"]
    assert short_answer["ratio"] == pytest.approx(1, rel=0.05)
    assert 1 / 4 < alone["ratio"] < 4, found
    assert peaks["ratio"] > many["ratio"] > 1 / 4, found
