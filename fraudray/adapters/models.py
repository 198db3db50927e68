"""The model that investigates, as the settings say; `openai` is imported only where one is set."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from fraudray.domain.errors import SettingsError
from fraudray.ports.llm import ChatModel, ModelAbilities
from fraudray.settings import Settings

if TYPE_CHECKING:
    import httpx2


def open_model(
    settings: Settings, *, url: str | None = None, http_client: httpx2.AsyncClient | None = None
) -> ChatModel | None:
    """The model at `url` (`llm_url`); None where none is set, or only one that is reached within Ray Serve.
    `http_client` carries the requests. Raises SettingsError."""
    url = url or settings.llm_url
    if url is None:
        if settings.llm_model is not None and settings.llm_app is None:
            raise SettingsError("llm_model is of no use without llm_url (FRAUDRAY_LLM_URL)")
        return None
    if settings.llm_model is None:
        raise SettingsError("llm_url and llm_app need llm_model, the model's name there (FRAUDRAY_LLM_MODEL)")
    if find_spec("openai") is None:
        raise SettingsError("llm_url needs the openai package: pip install 'fraudray[llm]'")
    from fraudray.adapters.openai_chat import OpenAIChat

    key = settings.llm_api_key
    return OpenAIChat(
        url,
        abilities_of(settings, settings.llm_model),
        api_key=key.get_secret_value() if key else None,
        ca_file=settings.llm_ca_file,
        http_client=http_client,
    )


def abilities_of(settings: Settings, model: str) -> ModelAbilities:
    """What `model` can do, as the settings say of the one that they name."""
    return ModelAbilities(
        model,
        tools=settings.llm_tools,
        temperature=settings.llm_temperature,
        priorities=settings.llm_priorities,
        extra=settings.llm_extra,
    )
