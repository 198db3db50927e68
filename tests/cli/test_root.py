"""The root command: fast help, settings, exit codes, and commands of other folders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraudray.cli.root import COMMANDS, app

from .support import Cli

HEAVY = ("sqlalchemy", "mcp", "ray", "pandas", "httpx", "alembic", "fastapi", "fraudray.service", "fraudray.bootstrap")


def test_help_lists_every_command_and_the_exit_codes_without_importing_what_they_need() -> None:
    code = (
        "import sys; from fraudray.cli import main\n"
        "try: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    for name in (*COMMANDS, "serve", "tools"):
        assert f" {name} " in done.stdout
    assert "Exit codes: 0 done" in done.stdout
    loaded = set(done.stderr.split())
    assert not loaded & set(HEAVY)
    assert not {name for name in loaded if name.startswith(("fraudray.tools", "fraudray.deployments"))}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(name: str) -> None:
    runner = CliRunner()
    group = runner.invoke(app, [name, "--help"])
    assert group.exit_code == 0
    assert COMMANDS[name].help.rstrip(".").split(";")[0].split(",")[0].split()[0] in group.output


def test_config_show_names_values_and_origins_and_hides_secrets(process: Cli, tmp_path: Path) -> None:
    (tmp_path / "fraudray.toml").write_text('port = 8123\nsmtp_password = "in-the-file"\n')

    ran = process("config", "show", "--json", FRAUDRAY_HOST="127.0.0.2", FRAUDRAY_SMTP_PASSWORD="hunter2")
    table = process(
        "config", "show", "--data-dir", tmp_path / "other", FRAUDRAY_SMTP_PASSWORD="hunter2",
        FRAUDRAY_DATABASE_URL="postgresql://role:hunter2@db.internal/data?sslmode=require&password=hunter2",
    )  # fmt: skip

    assert ran.code == 0
    assert ran.json["port"] == {"value": "8123", "origin": "fraudray.toml"}
    assert ran.json["host"] == {"value": "127.0.0.2", "origin": "FRAUDRAY_HOST"}
    assert ran.json["fsync"] == {"value": "full", "origin": "default"}
    assert set(ran.json["smtp_password"]["value"]) == {"*"}
    assert "hunter2" not in ran.out + table.out
    assert "in-the-file" not in ran.out + table.out
    assert "--data-dir" in table.out
    assert "postgresql://role:***@db" in "".join(table.out.split())


def test_an_unknown_variable_or_setting_is_refused_by_name(process: Cli, cli: Cli, tmp_path: Path) -> None:
    ran = process("cases", "list", FRAUDRAY_POLICY_FIEL="x.yaml")
    assert ran.code == 2
    assert "FRAUDRAY_POLICY_FIEL" in ran.err
    assert ran.out == ""

    (tmp_path / "fraudray.toml").write_text("prot = 1\n")
    assert "prot: there is no such setting" in cli("config", "show").err


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_data_folder_is_named_before_or_after_the_command(cli: Cli, tmp_path: Path, place: str) -> None:
    option = ("--data-dir", tmp_path / "elsewhere")

    ran = cli(*option, "customers", "list") if place == "before" else cli("customers", "list", *option)

    assert ran.code == 0
    assert (tmp_path / "elsewhere" / "fraudray.sqlite").exists()


def test_a_data_folder_in_use_ends_with_5(cli: Cli, process: Cli, data: Path) -> None:
    code = (
        "import sys; from fraudray.service import open_service; from fraudray.settings import load_settings\n"
        "service = open_service(load_settings()); print('open', flush=True); sys.stdin.read(); service.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        ran = cli("cases", "list")
        holder.stdin.close()

    assert ran.code == 5
    assert str(holder.pid) in ran.err
    assert cli("cases", "list").code == 0


def test_a_server_that_does_not_answer_ends_with_5(cli: Cli) -> None:
    ran = cli("bench", "http", "--url", "http://127.0.0.1:9", "--seconds", "1")

    assert ran.code == 5
    assert "does not answer" in ran.err
    assert cli("bench", "http", "--url", "ftp://x").code == 2


@pytest.mark.parametrize("args", [("nonsense",), ("decid",), ("cases", "list", "--status", "ajar"), ("--wrong",)])
def test_wrong_usage_ends_with_2(cli: Cli, args: tuple[str, ...]) -> None:
    assert cli(*args).code == 2


def test_version(cli: Cli) -> None:
    assert cli("--version").out == cli("version").out
    assert cli("version", "--json").json["version"] in cli("version").out


def test_a_folder_that_cannot_be_made_is_told_in_a_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    ran = cli("cases", "list", "--data-dir", tmp_path / "file" / "data")

    assert ran.code == 2
    assert "data folder" in ran.err
