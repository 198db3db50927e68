"""What `fraudray serve --llm …` chooses: someone else's endpoint, or a model that this server serves itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fraudray.deployments.llm_laptop import TINY, model_of
from fraudray.deployments.tiny_model import WARNING
from fraudray.domain.errors import SettingsError
from fraudray.settings import Settings, address_of

LAPTOP_LLM = "fraudray.deployments.llm_laptop:build_llm"


def llm_settings(choice: str | None) -> dict[str, str]:
    """The settings that the option `--llm` stands for."""
    if choice is None:
        return {}
    if choice.startswith(("http://", "https://")):
        return {"llm_url": choice}
    return {"llm_serve": choice if choice == TINY else str(Path(choice).resolve())}


def with_served_model(settings: Settings) -> Settings:
    """Settings whose investigator asks the model that this server serves, where it serves one.

    Raises SettingsError where that model or vLLM is missing, or another endpoint is named too.
    """
    if settings.llm_serve is None:
        return settings
    if settings.llm_url is not None:
        raise SettingsError("llm_serve and llm_url: name one of them, a model to serve or an endpoint")
    model = model_of(settings.llm_serve)
    if importlib.util.find_spec("vllm") is None:
        raise SettingsError("llm_serve: vLLM is not installed here; `make run-llm` makes an environment that has it")
    url = address_of(settings.host, settings.port) + "/llm/v1"
    return settings.model_copy(update={"llm_url": url, "llm_model": settings.llm_model or model})


def model_lines(settings: Settings) -> list[str]:
    """What the start says of the model."""
    if settings.llm_url is None:
        return []
    lines = [f"  model         {settings.llm_model or ''} at {settings.llm_url}"]
    return [*lines, f"                {WARNING}"] if settings.llm_serve == TINY else lines
