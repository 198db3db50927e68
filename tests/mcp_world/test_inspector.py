"""The official Inspector's command line on all six, over HTTP and stdio, with keys, and with our configuration."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from fraudray.cli.root import app as fraudray
from fraudray.tools.catalogue import TOOLS, ToolEntry, find
from tests.mcp_world.calls import call_of
from tests.mcp_world.conftest import Keyed, World
from tests.mcp_world.programs import Programs, Said

pytestmark = pytest.mark.slow
each_tool = pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)


def listed(programs: Programs, *target: str | Path) -> dict[str, dict[str, Any]]:
    """The tools of a server by name. `--strict` makes a schema that other clients cannot use an error."""
    said = programs.inspector(*target, "--method", "tools/list", "--strict")
    assert said.code == 0, said.err
    return {tool["name"]: tool for tool in said.document["tools"]}


def called(programs: Programs, name: str, arguments: dict[str, Any], *target: str | Path) -> Said:
    return programs.inspector(
        *target, "--method", "tools/call", "--tool-name", name, "--tool-args-json", json.dumps(arguments)
    )


def over_http(url: str, era: str = "legacy") -> tuple[str, ...]:
    return (url, "--transport", "http", "--protocol-era", era)


def with_key(url: str, key: str) -> tuple[str, ...]:
    return (*over_http(url), "--header", f"Authorization: Bearer {key}")


def configuration(file: Path, *options: str) -> Path:
    """What `fraudray tools config` prints, as a file."""
    printed = CliRunner().invoke(fraudray, ["tools", "config", *options])
    assert printed.exit_code == 0, printed.output
    file.write_text(printed.stdout)
    return file


@each_tool
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_every_parameter_of_every_tool_is_described(
    programs: Programs, together: World, entry: ToolEntry, era: str
) -> None:
    tools = listed(programs, *over_http(together.addresses[entry.name], era))
    assert tools
    for tool in tools.values():
        Draft202012Validator.check_schema(tool["inputSchema"])
        parameters = tool["inputSchema"]["properties"]
        assert [name for name, schema in parameters.items() if not schema.get("description")] == []
        assert tool["description"]
        assert tool["outputSchema"]


@each_tool
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_call_answers_as_the_output_schema_says_and_an_error_names_the_argument(
    programs: Programs, together: World, entry: ToolEntry, era: str
) -> None:
    target = over_http(together.addresses[entry.name], era)
    name, arguments, wrong = call_of(entry, together)

    result = called(programs, name, arguments, *target).document
    assert not result.get("isError"), result
    schema = listed(programs, *target)[name]["outputSchema"]
    Draft202012Validator(schema).validate(result["structuredContent"])
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]

    refused = called(programs, name, arguments | wrong, *target)
    assert refused.code == 5  # what the Inspector makes of isError
    assert refused.document["isError"] is True
    assert next(iter(wrong)) in refused.document["content"][0]["text"]


@each_tool
def test_over_stdio_the_printed_configuration_lists_and_the_command_calls(
    programs: Programs, unserved: World, tmp_path: Path, entry: ToolEntry
) -> None:
    file = configuration(tmp_path / "mcp.json", "--data-dir", str(unserved.folder))
    tools = listed(programs, "--config", file, "--server", f"fraudray-{entry.name}")
    name, arguments, _ = call_of(entry, unserved)

    # What follows `--` is the server's command, to its end.
    command = ("--", sys.executable, "-m", entry.module, "--data-dir", str(unserved.folder))
    said = programs.inspector(
        "--method", "tools/call", "--tool-name", name, "--tool-args-json", json.dumps(arguments), *command
    )  # fmt: skip
    assert not said.document.get("isError"), said.document
    Draft202012Validator(tools[name]["outputSchema"]).validate(said.document["structuredContent"])


@each_tool
def test_the_printed_configuration_finds_the_running_server(
    programs: Programs, together: World, tmp_path: Path, entry: ToolEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = together.addresses[entry.name]
    monkeypatch.setenv("FRAUDRAY_PORT", address.split(":")[2].split("/")[0])
    file = configuration(tmp_path / "mcp.json", "--transport", "http", "--data-dir", str(together.folder))
    assert json.loads(file.read_text())["mcpServers"][f"fraudray-{entry.name}"]["url"] == address
    assert listed(programs, "--config", file, "--server", f"fraudray-{entry.name}")


def test_a_key_sees_and_calls_what_its_scope_allows(programs: Programs, keyed: Keyed) -> None:
    world = keyed.world
    for entry in TOOLS:
        url = world.addresses[entry.name]
        reading, acting = listed(programs, *with_key(url, keyed.reads)), listed(programs, *with_key(url, keyed.acts))
        assert all(tool["annotations"]["readOnlyHint"] for tool in reading.values())
        assert not any(tool["annotations"]["readOnlyHint"] for tool in acting.values())
        assert bool(reading) or entry.name == "email-alerts"
        assert bool(acting) == (entry.kind == "act")

    entry = find("fraud-logger")
    name, arguments, _ = call_of(entry, world)
    refused = called(programs, name, arguments, *with_key(world.addresses[entry.name], keyed.reads))
    assert (refused.code, "not found on server" in refused.err) == (5, True)  # it calls nothing that is not listed
    done = called(programs, name, arguments, *with_key(world.addresses[entry.name], keyed.acts))
    assert done.document["structuredContent"]["action"] == "appended"


def test_without_a_key_or_with_a_wrong_one_a_client_learns_that_it_needs_one(programs: Programs, keyed: Keyed) -> None:
    url = keyed.world.addresses["transaction-risk"]
    for target in (over_http(url), with_key(url, "frk_wrong")):
        said = programs.inspector(*target, "--method", "tools/list", "--stored-auth-only")
        assert said.code != 0
        assert "auth_required" in said.err


def test_the_printed_configuration_works_with_a_key_once_the_key_is_filled_in(
    programs: Programs, keyed: Keyed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Inspector fills in no variables, other clients do."""
    world = keyed.world
    monkeypatch.setenv("FRAUDRAY_PORT", world.addresses["fraud-logger"].split(":")[2].split("/")[0])
    file = configuration(tmp_path / "mcp.json", "--transport", "http", "--data-dir", str(world.folder))
    file.write_text(file.read_text().replace("${FRAUDRAY_API_KEY}", keyed.acts))
    assert "log_fraud_case" in listed(programs, "--config", file, "--server", "fraudray-fraud-logger")
