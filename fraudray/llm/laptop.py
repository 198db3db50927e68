"""A model on this machine's processor, by real vLLM: what `fraudray serve --llm …` and back-tests run themselves."""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from pydantic import ValidationError

from fraudray.domain.errors import SettingsError
from fraudray.llm.serving import LlmServing
from fraudray.llm.tiny_model import CONTEXT_TOKENS, MODEL_ID, ensure_tiny_model

TINY = "tiny"
TINY_TEMPERATURE = 1.0
"""Random weights: below, the end of its reasoning is nearly all that it says."""

_CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # other processes share these cores
    # One core stays with the rest of the server: with none left its threads wait for one another, twice as slow.
    "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) - 1)),
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
_HEALTH_PERIOD_S = 2.0  # one machine: a dead engine is to be back soon
_DRAIN_S = 5.0
_YAML_BYTES_MAX = 64 * 1024


def laptop_serving(place: str, data_dir: Path) -> LlmServing:
    """How the model at `place` is served: `tiny` (made in the data folder if need be), a folder, or a YAML file of it.

    Raises SettingsError.
    """
    if place == TINY:
        folder = str(ensure_tiny_model(data_dir / "models"))
        # It reasons in `<think>` and calls tools as Hermes does.
        parsers = {"reasoning_parser": "deepseek_r1", "tool_parser": "hermes"}
        return LlmServing.model_validate(_cpu_fields(MODEL_ID, folder) | parsers)
    path = Path(place)
    if path.is_file():
        return _from_yaml(path)
    return LlmServing.model_validate(_cpu_fields(model_of(place), str(path.resolve())))


def model_of(place: str) -> str:
    """The name under which the model at `place` is asked for. Raises SettingsError when there is none."""
    if place == TINY:
        return MODEL_ID
    path = Path(place)
    if path.is_file():
        return _from_yaml(path).model_id
    if not (path / "config.json").is_file():
        raise SettingsError(f"llm_serve: {place} is neither `{TINY}`, a model's folder (with config.json) nor a file")
    return path.resolve().name


def _cpu_fields(model_id: str, folder: str) -> dict[str, object]:
    return {
        "model_id": model_id,
        "model_source": folder,
        "accelerator": "cpu",
        "max_model_len": CONTEXT_TOKENS,
        "engine": {"dtype": "bfloat16", "enforce_eager": True, "max_num_seqs": 32},
        "env": _CPU_ENVIRONMENT,
        "ongoing_target": 32,
        "health_period_s": _HEALTH_PERIOD_S,
        "drain_s": _DRAIN_S,
    }


def _from_yaml(path: Path) -> LlmServing:
    try:
        if path.stat().st_size > _YAML_BYTES_MAX:
            raise SettingsError(f"llm_serve: {path} has more than {_YAML_BYTES_MAX} bytes")
        return LlmServing.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"llm_serve: cannot read {path}: {error}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"llm_serve: {path}: {wrong}") from None
