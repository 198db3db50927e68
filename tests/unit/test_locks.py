"""The two locks: the model's environment is the other one with an engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-vllm.lock")


def pinned(name: str) -> dict[str, set[str]]:
    """The versions of each package; a few differ by Python."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    versions: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE):
        versions.setdefault(package, set()).add(version)
    return versions


def test_the_models_environment_has_the_same_versions_but_for_numpy() -> None:
    plain, with_engine = (pinned(name) for name in LOCKS)
    shared = plain.keys() & with_engine.keys()

    assert len(shared) > 80
    assert {name for name in shared if not with_engine[name] <= plain[name]} == {"numpy"}
    assert plain["ray"] == with_engine["ray"]


def test_what_breaks_an_engine_on_a_cpu_is_left_out() -> None:
    excluded = (REPOSITORY / "requirements-vllm.excludes").read_text(encoding="utf-8").splitlines()
    names = {line for line in excluded if line and not line.startswith("#")}

    assert {"torchvision", "torchaudio", "torchcodec", "triton"} == names
    assert not names & pinned("requirements-vllm.lock").keys()
    assert all(version.endswith("+cpu") for version in pinned("requirements-vllm.lock")["torch"])


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")

    assert text.count("--hash=sha256:") >= len(pinned(name))
    assert "://" not in text
    assert "--find-links" not in text
    assert "index-url" not in text
