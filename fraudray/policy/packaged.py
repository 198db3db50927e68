"""The policies that come with fraudray, by name."""

from __future__ import annotations

from importlib import resources

from fraudray.policy.policy import Policy

_FILES = {"default": "default.yaml", "handbook": "handbook.yaml"}
NAMES = tuple(_FILES)


def packaged_policy(name: str) -> Policy | None:
    """A packaged policy; None where there is none of that name."""
    if name not in _FILES:
        return None
    text = resources.files("fraudray.policy").joinpath(_FILES[name]).read_text(encoding="utf-8")
    return Policy.parse(text, file=_FILES[name])
