"""The investigator of this process, as the settings say."""

from __future__ import annotations

import logging

from fraudray.adapters.models import open_model
from fraudray.agent.agent import Agent
from fraudray.policy.extensions import ExtensionMissing, installed, load
from fraudray.ports.clock import Clock
from fraudray.ports.toolbox import Toolbox
from fraudray.ports.tracing import Tracer
from fraudray.settings import Settings

log = logging.getLogger(__name__)
TOOLBOX = "fraudray.toolbox"
"""Entry points: a function from an open App to what an investigation may ask. fraudray's own is `mcp`."""


def open_investigator(settings: Settings, clock: Clock, tracer: Tracer, app: object) -> Agent | None:
    """An agent with the model that is set, which may ask the tools on `app`; None where none is. Raises
    SettingsError."""
    model = open_model(settings)
    return None if model is None else Agent(model, _toolbox(app), clock=clock, tracer=tracer)


def _toolbox(app: object) -> Toolbox | None:
    """The read-only MCP servers in this process; None, and a warning, where they cannot be had."""
    if "mcp" not in installed(TOOLBOX):
        return None
    try:
        made: Toolbox = load(TOOLBOX, "mcp")(app)
    except ExtensionMissing as missing:
        log.warning("the model can ask nothing further (pip install 'fraudray[serve]'): %s", missing)
        return None
    return made
