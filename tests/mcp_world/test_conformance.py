"""The official conformance suites on all six servers, in the gateway and each alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from fraudray.tools.catalogue import TOOLS, ToolEntry
from tests.mcp_world.expectation import Expectation, failing
from tests.mcp_world.programs import HERE, Programs, Suite
from tests.tools.serving import free_port

SUITES: tuple[Suite, ...] = get_args(Suite)
per_suite = pytest.mark.parametrize("suite", SUITES)


@pytest.mark.slow
@per_suite
@pytest.mark.parametrize("served", ["together", "apart"])
@pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)
def test_a_server_passes_what_a_tool_server_can_pass(
    request: pytest.FixtureRequest, programs: Programs, tmp_path: Path, entry: ToolEntry, served: str, suite: Suite
) -> None:
    url = request.getfixturevalue(served).addresses[entry.name]
    expected = Expectation.of(suite)
    said, checks = programs.conformance(suite, url, expected.known_failures(tmp_path / "known.yml"), tmp_path / "out")
    assert said.code == 0, said.out + said.err
    assert expected.differences(checks) == []


@pytest.mark.slow
@per_suite
def test_what_must_pass_fails_where_nothing_listens(programs: Programs, tmp_path: Path, suite: Suite) -> None:
    """So none of it passes whatever is there."""
    expected = Expectation.of(suite)
    url = f"http://127.0.0.1:{free_port()}/mcp"
    said, checks = programs.conformance(suite, url, expected.known_failures(tmp_path / "known.yml"), tmp_path / "out")
    assert said.code == 1
    assert set(expected.passes) <= failing(checks)


def test_what_is_installed_is_pinned_and_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    asked = json.loads((HERE / "package.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert len(packages) > 100
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
    wanted = asked["dependencies"] | asked["optionalDependencies"]
    assert all(version.split("@")[-1][0].isdigit() for version in wanted.values())
