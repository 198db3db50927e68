"""What `fraudray serve --llm …` chooses: someone else's endpoint, or a model that this server serves itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fraudray.deployments.server_process import LLM_APP, LLM_ROUTE
from fraudray.domain.errors import SettingsError
from fraudray.llm.laptop import TINY, TINY_TEMPERATURE, model_of
from fraudray.llm.tiny_model import WARNING
from fraudray.settings import Settings, address_of

LAPTOP_LLM = "fraudray.deployments.llm:build_laptop_llm"


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
    if settings.llm_url is not None or settings.llm_app is not None:
        raise SettingsError("llm_serve, llm_url, llm_app: name one of them, a model to serve or one that is served")
    model = model_of(settings.llm_serve)
    if importlib.util.find_spec("vllm") is None:
        raise SettingsError("llm_serve: vLLM is not installed here; `make run-llm` makes an environment that has it")
    served: dict[str, object] = {"llm_app": LLM_APP, "llm_model": settings.llm_model or model, "llm_priorities": True}
    if settings.llm_serve == TINY:
        served["llm_temperature"] = TINY_TEMPERATURE
    return settings.model_copy(update=served)


def model_lines(settings: Settings) -> list[str]:
    """What the start says of the model."""
    if not settings.investigates:
        return []
    url = settings.llm_url or address_of(settings.host, settings.port) + LLM_ROUTE + "/v1"
    lines = [f"  model         {settings.llm_model or ''} at {url}"]
    return [*lines, f"                {WARNING}"] if settings.llm_serve == TINY else lines
