"""Which model a command asks: that of the settings, or one that its options name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import InputError

if TYPE_CHECKING:
    from fraudray.settings import Settings

ASK_LIMIT_S = 5.0
Llm = Annotated[
    str | None, typer.Option("--llm", help="OpenAI-compatible endpoint (…/v1); FRAUDRAY_LLM_URL otherwise.")
]
Model = Annotated[str | None, typer.Option("--model", help="The model's name there; the only one it serves otherwise.")]


def settings_with(llm: str | None, model: str | None, data_dir: Path | None) -> Settings:
    """The settings, with the model that is named. Raises InputError where a running server asks its own."""
    from fraudray.bootstrap import running_server
    from fraudray.settings import load_settings

    settings = load_settings(data_dir=data_dir)
    if llm is None:
        if model is not None:
            raise InputError("--model goes with --llm")
        return settings
    server = running_server(settings.data_dir)
    if server is not None:
        raise InputError(
            f"the server at {server} owns the data folder and asks its own model: leave --llm out, or start the server "
            "with FRAUDRAY_LLM_URL"
        )
    return load_settings(
        data_dir=settings.data_dir, llm_url=llm, llm_model=model or settings.llm_model or _only_model(llm)
    )


def _only_model(url: str) -> str:
    """The model that the endpoint serves. Raises InputError when it does not answer, or serves several."""
    import httpx

    from fraudray.settings import load_settings

    secret = load_settings().llm_api_key
    headers = {"authorization": f"Bearer {secret.get_secret_value()}"} if secret else {}
    try:
        answer = httpx.get(url.rstrip("/") + "/models", headers=headers, timeout=ASK_LIMIT_S).raise_for_status()
        names = [str(entry["id"]) for entry in answer.json()["data"]]
    except httpx.HTTPStatusError as error:
        raise InputError(f"{url}/models answers {error.response.status_code}; name the model with --model") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InputError(f"{url} does not answer: {type(error).__name__}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{url}/models lists no models; name one with --model") from None
    if len(names) != 1:
        raise InputError(f"{url} serves {len(names)} models ({', '.join(names[:5])}); name one with --model")
    return names[0]
