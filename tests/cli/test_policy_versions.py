"""`fraudray policy versions, version, save, promote, rollback`: the same as over HTTP, without a server too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policies import small

from .support import Cli


@pytest.fixture
def _file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in force, and a changed policy."""
    Path("p.yaml").write_text(small())
    Path("two.yaml").write_text(small(version="2", weight=50))
    monkeypatch.setenv("FRAUDRAY_POLICY_FILE", "p.yaml")


@pytest.mark.usefixtures("_file")
def test_a_version_is_saved_promoted_and_rolled_back(cli: Cli, data: Path) -> None:
    assert "No version is kept yet" in cli("policy", "versions").out
    saved = cli("policy", "save", "two.yaml", "--reason", "More weight", "--author", "ann")
    assert (saved.code, saved.out) == (0, "cards 2 is kept as version 2.\n")
    again = cli("policy", "save", "two.yaml", "--reason", "More weight", "--json")
    assert (again.json["number"], again.json["saved"], again.json["author"]) == (2, False, "ann")
    assert cli("policy", "version", "2").out == Path("two.yaml").read_text()
    promoted = cli("policy", "promote", "2", "--reason", "Better", "--author", "bo")
    assert promoted.out == "In force: cards 2, version 2; a rollback brings back version 1.\n"
    assert cli("policy", "show", "--json").json["version"] == "2"
    listed = cli("policy", "versions")
    assert "2 *" in listed.out
    assert "More weight" in listed.out
    back = cli("policy", "rollback", "--reason", "Worse")
    assert back.out == "In force: cards 1, version 1; nothing to roll back to.\n"
    trail = cli("audit", "list", "--subject", "cards", "--json")
    assert "policy_rolled_back" in trail.out


@pytest.mark.usefixtures("_file")
def test_what_cannot_be_done_is_said(cli: Cli, data: Path) -> None:
    Path("bad.yaml").write_text(small().replace("when: spending", "when: spendign"))
    bad = cli("policy", "save", "bad.yaml", "--reason", "r")
    assert bad.code == 2
    assert "text:12:63: rule always: there is no fact or list spendign" in bad.err
    assert cli("policy", "promote", "7", "--reason", "r").code != 0
    assert "nothing was in force of cards before" in cli("policy", "rollback", "--reason", "r").err
    assert cli("policy", "save", "two.yaml").code == 2
    assert cli("policy", "versions", "--policy", "none").code != 0
