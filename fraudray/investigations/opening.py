"""The investigator of this process, as the settings say."""

from __future__ import annotations

from fraudray.adapters.models import open_model
from fraudray.agent.agent import Agent
from fraudray.ports.clock import Clock
from fraudray.ports.toolbox import Toolbox
from fraudray.ports.tracing import Tracer
from fraudray.settings import Settings


def open_investigator(settings: Settings, clock: Clock, tracer: Tracer, toolbox: Toolbox | None = None) -> Agent | None:
    """An agent with the model that is set; None where none is. Raises SettingsError."""
    model = open_model(settings)
    return None if model is None else Agent(model, toolbox, clock=clock, tracer=tracer)
