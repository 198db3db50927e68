"""The bench with a model of its own: the tiny one, on vLLM under Ray Serve, started for it and stopped after it."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx

from fraudray.deployments.bench.figures import Document
from fraudray.deployments.bench.measure import Plan, Tell
from fraudray.deployments.launch import LaunchError, LaunchSettings, run_server
from fraudray.deployments.llm_choice import LAPTOP_LLM
from fraudray.deployments.processes import first_free_port
from fraudray.domain.errors import FraudrayError, SettingsError
from fraudray.llm.laptop import TINY

APP = "fraudray.deployments.bench.application:build"
MEASURE_PATH = "/measure"
PORTS = range(18_000, 18_100)
SILENCE_S = 300.0
"""Longest time without a word from the bench."""


class BenchFailed(FraudrayError):
    """The measurements ended with an error."""


class _Measured(Exception):
    def __init__(self, document: Document) -> None:
        self.document = document


def measure_tiny(plan: Plan, tell: Tell) -> Document | None:
    """Start Ray Serve and vLLM in a temporary folder, measure, and stop them; None where a signal stopped it.

    Call it from the main thread. Raises SettingsError where vLLM is not installed, BenchFailed.
    """
    if importlib.util.find_spec("vllm") is None:
        raise SettingsError(
            "vLLM is not installed here; `make install-llm` makes an environment that has it "
            "(.venv-llm/bin/fraudray bench llm), or name an endpoint: --llm URL"
        )

    port = first_free_port("127.0.0.1", PORTS)
    if port is None:
        raise BenchFailed(f"no port is free between {PORTS[0]} and {PORTS[-1]}")

    def measured(url: str) -> None:
        raise _Measured(_measure(url, plan, tell))

    with tempfile.TemporaryDirectory(prefix="fraudray-bench-") as folder:
        settings = LaunchSettings(
            data_dir=Path(folder) / "data", port=port, app=APP, llm_app=LAPTOP_LLM,
            env={"FRAUDRAY_DATA_DIR": str(Path(folder) / "data"), "FRAUDRAY_LLM_SERVE": TINY},
        )  # fmt: skip
        try:
            run_server(settings, on_ready=measured, say=tell)
        except _Measured as done:
            return done.document
        except LaunchError as error:  # its logs go with the folder
            raise BenchFailed("\n".join([error.message, *error.details])) from None
    return None


def _measure(url: str, plan: Plan, tell: Tell) -> Document:
    with httpx.stream("POST", url + MEASURE_PATH, content=plan.model_dump_json(), timeout=SILENCE_S) as answer:
        answer.raise_for_status()
        for text in answer.iter_lines():
            line: dict[str, Any] = json.loads(text)
            if "measured" in line:
                document: Document = line["measured"]
                return document
            if "failed" in line:
                raise BenchFailed(line["failed"])
            tell(line["doing"])
    raise BenchFailed("the bench's replica ended in the middle")
