"""The published schemas are valid, and what the engine answers fits them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from fraudray.bootstrap import App
from fraudray.schemas import NAMES, json_schema


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(name))


def test_samples_and_their_decisions_fit(app: App, samples: list[dict[str, Any]]) -> None:
    for sample in samples:
        jsonschema.validate(sample, json_schema("transaction"))
        decision = app.engine.decide(sample)
        jsonschema.validate(json.loads(decision.model_dump_json(exclude_none=True)), json_schema("decision"))
