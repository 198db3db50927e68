"""`fraudray data`: what is in force and how old it is, one command that renews it, one that goes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fraudray.world.kinds import KINDS

from .support import Cli, payment


@pytest.fixture
def rates() -> Path:
    """The packaged rates as of today, with the dollar at two euros."""
    lines = KINDS["rates"].packaged_path.read_text().splitlines()
    lines[0] = f"# date: {datetime.now(UTC).date()}"
    path = Path("rates.csv")
    path.write_text("\n".join("EUR,2" if line.startswith("EUR,") else line for line in lines) + "\n")
    return path


def test_status_shows_every_list_and_ends_with_1_when_one_is_old(cli: Cli, rates: Path) -> None:
    ran = cli("data", "status")
    document = cli("data", "status", "--json").json

    for kind in KINDS.values():
        assert kind.name in ran.out
    assert "packaged" in ran.out
    assert ran.code == (1 if document["old"] else 0)
    entry = next(entry for entry in document["lists"] if entry["kind"] == "rates")
    assert ("rates" in document["old"]) is (entry["age_days"] > entry["age_max_days"])

    cli("data", "update", rates)
    assert "rates" not in cli("data", "status", "--json").json["old"]


def test_an_update_weighs_differently_and_revert_undoes_it(cli: Cli, rates: Path) -> None:
    def weighed(number: int) -> float:
        ran = cli("decide", "-", "--json", stdin=json.dumps(payment(number, amount=100, currency="EUR")))
        return float(ran.json["evidence"]["transaction-risk"]["items"]["amount"]["amount_base"])

    before = weighed(1)
    ran = cli("data", "update", rates, "--author", "Ana")
    assert ran.code == 0, ran.err
    assert "is in force" in ran.out
    assert weighed(2) == 50.0

    assert "as packaged" in cli("data", "revert", "rates").out
    assert weighed(3) == before
    assert "Ana" in cli("audit", "list", "--json").out


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("update", "none.csv"), 2, "is not a file"),
        (("update", "bad.csv"), 2, "bad.csv, line 5: the rate of EUR must be a number above zero"),
        (("update", "rates.csv", "--kind", "networks"), 2, "updates rates, not networks"),
        (("update", "rates.csv", "--kind", "weather"), 3, "there are: places"),
        (("update", "rates.csv", "--date", "today"), 2, "--date"),
        (("update", "rates.csv", "--source", " "), 2, "--source is a line"),
        (("revert", "rates"), 4, "never updated"),
        (("revert", "weather"), 3, "no kind of data weather"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(
    cli: Cli, data: Path, rates: Path, args: tuple[str, ...], code: int, told: str
) -> None:
    Path("bad.csv").write_text("# date: 2026-11-01\n# source: x\n# licence: y\ncurrency,units_per_usd\nEUR,-1\n")

    ran = cli("data", *args)

    assert ran.code == code, ran
    assert told in " ".join(ran.err.split())
    assert not (data / "world" / "manifest.json").exists()


def test_an_update_beside_a_setting_says_that_the_setting_counts(
    cli: Cli, rates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUDRAY_RATES_FILE", str(KINDS["rates"].packaged_path))

    ran = cli("data", "update", rates)

    assert ran.code == 0
    assert "rates_file names another file" in ran.err
