"""The bench with somebody else's endpoint, over HTTP from this process."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import httpx2
import openai

from fraudray.adapters.models import abilities_of
from fraudray.cli.exits import InputError
from fraudray.deployments.bench.figures import Document
from fraudray.deployments.bench.measure import Endpoint, Plan, Tell
from fraudray.deployments.bench.run import measure
from fraudray.settings import Settings


def measure_elsewhere(settings: Settings, plan: Plan, url: str, model: str | None, tell: Tell) -> Document:
    """Measure the endpoint at `url`, with the model's abilities as the settings say. Raises InputError."""
    name = model or settings.llm_model
    if name is None:
        raise InputError("--model: name the model that is served there (or FRAUDRAY_LLM_MODEL)")
    if not url.startswith(("http://", "https://")):
        raise InputError(f"--llm: {url} is no http:// or https:// address")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    limits = httpx2.Limits(max_connections=2 * plan.at_once + 8)
    with tempfile.TemporaryDirectory(prefix="fraudray-bench-") as folder:
        transport = httpx2.AsyncHTTPTransport(limits=limits)
        endpoint = Endpoint(url, transport, abilities_of(settings, name), key)
        try:
            return asyncio.run(measure(endpoint, plan, Path(folder) / "data", tell))
        except openai.APIError as error:
            raise InputError(f"{url} does not answer as it should: {type(error).__name__}: {error}") from None
