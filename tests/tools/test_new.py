"""`fraudray tools new`: every kind of package installs, passes its own tests and linters, and decides."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from fraudray.cli.root import app as fraudray
from fraudray.policy.source import default_policy_text
from tests.tools.plain_environment import PlainEnvironment

KINDS = ("python", "mcp", "scoring")
BIN = Path(sys.executable).parent
PAYMENT = {
    "transaction_id": "T-1", "customer_id": "C-12345", "amount": "2100", "merchant": "Night Kiosk",
    "location": "Seattle, WA", "card_present": True, "device_id": "dev-abc123",
}  # fmt: skip


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> PlainEnvironment:
    return PlainEnvironment.make(tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="module", params=KINDS)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A kind and a freshly written package of it."""
    kind = request.param
    folder = tmp_path_factory.mktemp("new")
    ran = CliRunner().invoke(fraudray, ["tools", "new", f"fresh-{kind}", "--kind", kind, "--dir", str(folder)])
    assert ran.exit_code == 0, ran.output
    yield kind, folder / f"fresh-{kind}"
    shutil.rmtree(folder)


@pytest.mark.slow
def test_its_own_tests_pass_once_it_is_installed(
    package: tuple[str, Path], environment: PlainEnvironment, tmp_path: Path
) -> None:
    kind, folder = package
    environment.install(folder)
    python = environment.bin / "python"
    told = environment.run(
        python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder, XDG_DATA_HOME=str(tmp_path)
    )
    assert " passed" in told
    if kind == "mcp":  # needs its server, which its tests have started
        return
    environment.run(environment.bin / "fraudray", "policy", "check", "policy.yaml", cwd=folder)
    (tmp_path / "tx.json").write_text(json.dumps(PAYMENT))
    decided = environment.run(
        environment.bin / "fraudray", "decide", tmp_path / "tx.json", "--json", cwd=folder,
        FRAUDRAY_POLICY_FILE="policy.yaml", FRAUDRAY_DATA_DIR=str(tmp_path / "data"),
    )  # fmt: skip
    assert f"fresh_{kind}" in decided


def test_it_is_lint_clean(package: tuple[str, Path]) -> None:
    _, folder = package
    environment = PlainEnvironment(BIN.parent)
    environment.run(BIN / "ruff", "check", "--no-cache", ".", cwd=folder)
    environment.run(BIN / "ruff", "format", "--no-cache", "--check", ".", cwd=folder)


@pytest.mark.slow
def test_it_is_strictly_typed(package: tuple[str, Path], tmp_path: Path) -> None:
    _, folder = package
    tree = tmp_path / "fraudray"  # static tools do not follow the editable install
    tree.mkdir()
    repository = Path(__file__).parents[2]
    for entry in [*(repository / "fraudray").iterdir(), *(repository / name for name in ("tools", "deployments"))]:
        (tree / entry.name).symlink_to(entry)
    PlainEnvironment(BIN.parent).run(
        BIN / "mypy",
        "--follow-imports=silent",
        "--cache-dir",
        tmp_path / "cache",
        "src",
        "tests",
        cwd=folder,
        timeout=280,
        MYPYPATH=str(tmp_path),
    )


def test_its_policy_is_the_default_one_with_its_addition(package: tuple[str, Path]) -> None:
    kind, folder = package
    ours: dict[str, Any] = yaml.safe_load((folder / "policy.yaml").read_text())
    default = yaml.safe_load(default_policy_text())
    added = {rule["id"] for rule in ours["rules"]} - {rule["id"] for rule in default["rules"]}
    assert added == (set() if kind == "scoring" else {f"fresh-{kind}-listed"})
    assert ours["families"].pop(f"fresh_{kind}") == {"cap": 50}
    assert ours["families"] == default["families"]
    assert ours["floors"] == default["floors"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Merchant", "lower-case letters"), ("merchant_watch", "lower-case letters"), ("-x", "lower-case"),
        ("x-", "lower-case letters"), ("../x", "lower-case letters"), ("1x", "lower-case letters"),
        ("x" * 41, "at most 40"), ("class", "a word or module of Python"), ("json", "a word or module of Python"),
        ("transaction-risk", "evidence of its own"), ("lists", "evidence of its own"),
        ("fraudray", "is installed already"), ("pydantic", "is installed already"),
    ],
)  # fmt: skip
def test_a_bad_name_is_refused_and_writes_nothing(tmp_path: Path, name: str, says: str) -> None:
    ran = CliRunner().invoke(fraudray, ["tools", "new", "--dir", str(tmp_path / "x"), "--", name])
    assert ran.exit_code == 2
    assert says in " ".join(ran.output.split())
    assert not (tmp_path / "x").exists()


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "merchant-watch").mkdir()
    (tmp_path / "merchant-watch" / "README.md").write_text("mine")
    ran = CliRunner().invoke(fraudray, ["tools", "new", "merchant-watch", "--dir", str(tmp_path)])
    assert ran.exit_code == 2
    assert "exists already" in " ".join(ran.output.split())
    assert [file.read_text() for file in (tmp_path / "merchant-watch").iterdir()] == ["mine"]
    (tmp_path / "file").write_text("")
    ran = CliRunner().invoke(fraudray, ["tools", "new", "merchant-watch", "--dir", str(tmp_path / "file")])
    assert ran.exit_code == 2


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    assert CliRunner().invoke(fraudray, ["tools", "new", "x-y", "--kind", "go"]).exit_code == 2
