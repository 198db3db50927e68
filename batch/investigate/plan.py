"""Which model investigates in a back-test, and where what it is asked and answers lies."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fraudray.domain.errors import SettingsError
from fraudray.llm.laptop import TINY, TINY_TEMPERATURE, laptop_serving
from fraudray.llm.serving import LlmServing
from fraudray.ports.llm import ModelAbilities
from fraudray.settings import Settings

TRIES = 3
"""How often a row is put to the engine before it is recorded as failed."""


@dataclass(frozen=True)
class InvestigationPlan:
    """The model, and how many of the escalated transactions it is asked about: `rows_max`, drawn by the hash of their
    ids; None: all."""

    serving: LlmServing
    temperature: float | None
    rows_max: int | None = None

    @property
    def abilities(self) -> ModelAbilities:
        """What it can do here: questions about other transactions are not answered from a history."""
        return ModelAbilities(self.serving.model_id, tools="none", temperature=self.temperature)

    def document(self) -> dict[str, Any]:
        """What its answers depend on."""
        serving = self.serving
        return {
            "model": serving.model_id, "source": serving.model_source, "engine": serving.engine_arguments(),
            "temperature": self.temperature, "rows_max": self.rows_max,
        }  # fmt: skip


def plan_of(model: str | None, settings: Settings, rows_max: int | None = None) -> InvestigationPlan:
    """The plan for a model: `tiny`, a folder with its weights, or a YAML file with the fields of `LlmServing`; None is
    the setting `llm_serve`.

    Raises SettingsError where there is none, or no vLLM.
    """
    place = model or settings.llm_serve
    if place is None:
        raise SettingsError(
            "no model to investigate with: --llm tiny, a model's folder, or a YAML file that says how it is run "
            "(FRAUDRAY_LLM_SERVE)"
        )
    serving = laptop_serving(place, settings.data_dir)
    if find_spec("vllm") is None:
        raise SettingsError(
            "investigating needs vLLM, which is not installed here: `make install-llm` makes an environment that has "
            "it (.venv-llm/bin/fraudray backtest ...)"
        )
    return InvestigationPlan(serving, TINY_TEMPERATURE if place == TINY else settings.llm_temperature, rows_max)


@dataclass(frozen=True)
class Workshop:
    """Where the investigation of a back-test in the folder `out` works."""

    out: Path

    @property
    def folder(self) -> Path:
        """All but its results."""
        return self.out / ".work" / "investigation"

    @property
    def secret(self) -> Path:
        """Of the marks in its prompts."""
        return self.folder / "secret"

    def asking(self, part: int) -> Path:
        """What is asked about a part's rows in the round under way."""
        return self.folder / "asking" / f"part-{part:05d}.parquet"

    def answers(self, part: int) -> Path:
        """All that was answered about a part's rows."""
        return self.folder / "answers" / f"part-{part:05d}"

    def round_done(self, number: int) -> Path:
        """There once a round ended; rounds are numbered from 1."""
        return self.folder / f"round-{number:03d}.done"

    @property
    def rounds(self) -> int:
        """How many ended."""
        number = 0
        while self.round_done(number + 1).is_file():
            number += 1
        return number

    def results(self, part: int) -> Path:
        """How the investigations of a part's rows ended."""
        return self.out / "investigation" / f"part-{part:05d}.parquet"
