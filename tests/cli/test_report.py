"""`fraudray report case` and `fraudray report period`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.reports.reading import pdf_text

from .support import Cli

BLOCKED = "TXN-20251201-191354"


@pytest.fixture
def case_id(cli: Cli) -> str:
    """The samples are decided, their reports not made yet; the id of the blocked one's case."""
    assert cli("decide", "--samples", "--no-wait").code == 0
    return str(cli("decision", BLOCKED, "--json").json["case_id"])


def test_a_case_report_is_made_when_there_is_none_and_then_kept(cli: Cli, case_id: str) -> None:
    first = cli("report", "case", case_id, "--json", "--author", "Ana")
    again = cli("report", "case", case_id, "--format", "json")
    anew = cli("report", "case", case_id, "--again", "--json", "--author", "Ben")

    assert first.code == 0, first.err
    assert first.json["case_id"] == case_id
    assert again.json == first.json
    assert anew.json["made_at"] > first.json["made_at"]
    assert "Recommendation: Block" in cli("report", "case", case_id).out
    made = [
        e for e in cli("audit", "list", "--subject", case_id, "--json").json["entries"] if e["kind"] == "report_made"
    ]
    assert [entry["actor"] for entry in made] == ["Ben", "Ana"]


@pytest.mark.parametrize("form", ["html", "pdf", "json"])
def test_a_report_is_written_as_its_files_name_says(cli: Cli, case_id: str, form: str) -> None:
    assert cli("report", "case", case_id, "--out", f"case.{form}").code == 0
    today = datetime.now(UTC).date()
    period = ("--from", str(today - timedelta(days=1)), "--to", str(today))
    assert cli("report", "period", *period, "--out", f"period.{form}").code == 0

    for name, text in (("case", case_id), ("period", "IMPOSSIBLE_TRAVEL")):
        body = Path(f"{name}.{form}").read_bytes()
        assert text in (pdf_text(body) if form == "pdf" else body.decode())


def test_a_period_is_shown_on_a_terminal_and_piped_as_a_document(cli: Cli, case_id: str) -> None:
    today = str(datetime.now(UTC).date())

    shown = cli("report", "period", "--from", today, "--to", today)
    piped = cli("report", "period", "--from", today, "--to", today, "--format", "json")

    assert "decisions  3" in shown.out
    assert "IMPOSSIBLE_TRAVEL" in shown.out
    assert piped.json["totals"]["decisions"] == 3
    nothing = cli("report", "period", "--from", "2026-01-01", "--to", "2026-01-02")
    assert nothing.code == 0
    assert "none was made" in nothing.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("period", "--from", "2026-01-02", "--to", "2026-01-01"), "from: must lie before to"),
        (("period", "--from", "2026-01-02", "--to", "2999-01-01"), "to: lies in the future"),
        (("period", "--from", "soon", "--to", "later"), "from: is a date"),
        (("period", "--from", "2026-01-01", "--to", "2026-01-01", "--timezone", "Mars"), "timezone: "),
        (("period", "--from", "2026-01-01"), "--to"),
        (("period", "--from", "2026-01-01", "--to", "2026-01-02", "--out", "report.doc"), "--format"),
        (("period", "--from", "2026-01-01", "--to", "2026-01-02", "--format", "doc"), "--format"),
        (("period", "--from", "2026-01-01", "--to", "2026-01-02", "--json", "--format", "pdf"), "exclude each other"),
        (("period", "--from", "2026-01-01", "--to", "2026-01-02", "--out", "no/such/folder/r.html"), "cannot write"),
        (("case", "FRD-2026-0001", "--out", "report"), "--format"),
    ],
)
def test_what_cannot_be_ends_with_2_and_says_why(cli: Cli, args: tuple[str, ...], said: str) -> None:
    ran = cli("report", *args)

    assert ran.code == 2, ran
    assert said in ran.err
    assert ran.out == ""


def test_a_pdf_goes_through_a_pipe_and_not_to_a_terminal(process: Cli, case_id: str, tmp_path: Path) -> None:
    import os
    import pty
    import subprocess

    from .support import FRAUDRAY

    command = [FRAUDRAY, "report", "case", case_id, "--format", "pdf"]
    piped = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert case_id in pdf_text(piped.stdout)

    leader, terminal = pty.openpty()
    try:
        refused = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(terminal)
        os.close(leader)
    assert refused.returncode == 2
    assert b"--out" in refused.stderr
    assert json.loads(process("report", "case", case_id, "--json").out)["case_id"] == case_id
