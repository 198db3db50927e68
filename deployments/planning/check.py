"""The estimator beside an engine: what it says of this machine's processor, and what `fraudray bench llm` measured.

One figure of the bench, a short answer alone, gives the engine's own time for a step, which no peak tells. With that
the estimator predicts the others, which it has not seen: the whole investigation alone, and many at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraudray.cli.exits import InputError
from fraudray.cli.session import read_text
from fraudray.deployments.planning.estimate import replica_of
from fraudray.deployments.planning.hardware import Efficiency
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.machine import Machine
from fraudray.deployments.planning.models import ModelShape
from fraudray.deployments.planning.queueing import Replica

MEASURED = Efficiency(memory=1.0, compute=1.0, step_s=0.0, request_step_s=0.0)
"""Of a machine whose peaks are what was reached on it, before anything is known of the engine."""
_ASKED_TOKENS = 24
"""Of the short question, about: its prompt is one sentence."""


class _Spread(BaseModel):
    p50: float = Field(gt=0)
    mean: float = Field(gt=0)


class _Throughput(BaseModel):
    at_once: int = Field(ge=1)
    bare_tokens_per_s: float = Field(gt=0)


class _Cache(BaseModel):
    prompt_tokens: int = Field(ge=1)
    cached_tokens: int = Field(ge=0)


class _Loop(BaseModel):
    completion_tokens: float = Field(gt=0)
    round_trips: float = Field(ge=1)


class _Kinds(BaseModel):
    simple_question_ms: _Spread
    complex_analysis_ms: _Spread


class BenchFigures(BaseModel):
    """What is needed of the document that `fraudray bench llm --json` prints."""

    model_config = ConfigDict(frozen=True)

    model: str
    investigations: int = Field(ge=1)
    throughput: _Throughput
    prefix_cache: _Cache
    usual_loop: _Loop
    kinds: _Kinds

    @property
    def prompt_tokens(self) -> float:
        """Of one round trip of an investigation."""
        return self.prefix_cache.prompt_tokens / (self.investigations * self.usual_loop.round_trips)

    @property
    def answer_tokens(self) -> float:
        """Of one round trip."""
        return self.usual_loop.completion_tokens / self.usual_loop.round_trips

    @property
    def cached(self) -> float:
        """Share of the prompts."""
        return self.prefix_cache.cached_tokens / self.prefix_cache.prompt_tokens


def read_figures(path: Path) -> BenchFigures:
    """The document in a file. Raises InputError with what is missing."""
    try:
        content: Any = json.loads(read_text(path))
        return BenchFigures.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise InputError(f"--check-against: {path} is not what `fraudray bench llm --json` prints: {wrong}") from None
    except ValueError as error:
        raise InputError(f"--check-against: {path} is not JSON: {error}") from None


@dataclass(frozen=True, slots=True)
class Beside:
    """One figure as predicted and as measured."""

    what: str
    unit: str
    predicted: float
    measured: float
    calibrated: bool = False
    """Whether the measured figure was put in, so that agreement says nothing."""

    @property
    def ratio(self) -> float:
        """Predicted by measured."""
        return self.predicted / self.measured


@dataclass(frozen=True, slots=True)
class Check:
    """What came of it."""

    beside: tuple[Beside, ...]
    step_s: float
    """Of the engine for one step, from the short answer alone; 0 where reading and reckoning explain it."""
    request_step_s: float
    """What each request in a step must take beside, for the measured rate of many at once."""


def check(figures: BenchFigures, model: ModelShape, machine: Machine, short_tokens: int) -> Check:
    """Predict the bench's figures; `short_tokens` is how many it lets the short answer have. Raises InputError."""
    at_once = figures.throughput.at_once
    short = _replica(model, machine, MEASURED, 1, Load(1, 1, _ASKED_TOKENS, answer_tokens=short_tokens, text_tokens=0))
    short_s = figures.kinds.simple_question_ms.p50 / 1000
    step_s = max(0.0, (short_s - short.alone_s) / (short_tokens + 1))  # the prompt is a step too
    knowing = replace(MEASURED, step_s=step_s)
    load = Load(
        1, 1, max(1, round(figures.prompt_tokens)), min(figures.cached, 0.99), max(1, round(figures.answer_tokens)), 0
    )
    alone, many = (_replica(model, machine, knowing, slots, load) for slots in (1, at_once))
    bare = _replica(model, machine, MEASURED, at_once, load)
    measured_per_s = figures.throughput.bare_tokens_per_s
    beside = (
        Beside("many at once, by the machine's peaks alone", "tokens/s", _tokens_per_s(bare), measured_per_s),
        Beside("short answer alone", "s", replace(short, timing=alone.timing).alone_s, short_s, calibrated=True),
        Beside("investigation alone", "s", alone.alone_s * figures.usual_loop.round_trips,
               figures.kinds.complex_analysis_ms.mean / 1000),
        Beside(f"{at_once} at once", "tokens/s", _tokens_per_s(many), measured_per_s),
    )  # fmt: skip
    return Check(beside, step_s, _request_step_s(many, at_once, measured_per_s))


def _replica(model: ModelShape, machine: Machine, efficiency: Efficiency, slots: int, load: Load) -> Replica:
    layout = Layout(1, 1, slots=slots, memory_share=1.0)
    return replica_of(model, machine.instance(model.weight_bytes("bf16")), layout, load, efficiency)


def _tokens_per_s(replica: Replica) -> float:
    return replica.capacity_per_s * replica.load.written_tokens


def _request_step_s(many: Replica, at_once: int, measured_per_s: float) -> float:
    """Little's law for what is left: `at_once` are under way, each with its own prompt and all others' in its way."""
    request_s = at_once * many.load.written_tokens / measured_per_s
    token_s = (request_s - many.prompt_s * (1 + at_once)) / many.load.written_tokens
    return max(0.0, (token_s - many.token_s(at_once)) / at_once)
