"""Investigations of a history: what is asked, what counts as answered, what it costs; the engine itself is in
tests/llm/test_history.py."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from fraudray.batch.history.importing import import_history
from fraudray.batch.investigate.answers import LOST, UNFIT, Record, answers_of, read_records, write_records
from fraudray.batch.investigate.choosing import choose
from fraudray.batch.investigate.concluding import conclude_part
from fraudray.batch.investigate.escalated import escalated_rows
from fraudray.batch.investigate.figures import investigation_figures
from fraudray.batch.investigate.plan import TRIES, InvestigationPlan, Workshop, plan_of
from fraudray.batch.investigate.prices import Prices, load_prices
from fraudray.batch.replay.decide_part import PartDecider
from fraudray.batch.replay.job import Job
from fraudray.batch.replay.window_pass import run_window_step, window_steps
from fraudray.batch.synthetic.generate import generate_history
from fraudray.batch.synthetic.plan import Plan
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import PolicyError, SettingsError
from fraudray.domain.investigation import FallbackReason
from fraudray.llm.serving import LlmServing
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy
from fraudray.settings import Settings
from fraudray.testing.scripted_model import verdict

SERVING = LlmServing(model_id="m", model_source="m", accelerator="cpu", max_model_len=4096)
PRICES = Prices(per_hour=36, currency="USD", machines="one machine")


def record(step: int = 1, number: int = 1, text: str = "", *, row: int = 7, failed: str = "") -> Record:
    return Record(row, step, number, text, "stop", 3000, 200, 50, failed, 1000.0 + number, 2.0)


def said(records: list[Record], rounds: int) -> list[str | FallbackReason]:
    return [answer.failure or answer.text for answer in answers_of(records, rounds)]


def test_answers_are_told_by_step_whatever_the_order_in_which_they_came(tmp_path: Path) -> None:
    records = [record(1, 1, "a"), record(2, 2, "b"), record(3, 3, "c"), record(1, 1, "x", row=8)]
    random.Random(1).shuffle(records)
    for one in records:
        write_records(tmp_path, [one])
    found = read_records(tmp_path)
    assert said(found[7], 3) == ["a", "b", "c"]
    assert said(found[8], 3) == ["x"]


def test_a_row_that_was_answered_twice_counts_once() -> None:
    assert said([record(1, 1, "first"), record(1, 2, "second")], 1) == ["first"]


@pytest.mark.parametrize(("records", "rounds", "expected"), [
    ([], 0, []),
    ([], TRIES - 1, []),
    ([], TRIES, [FallbackReason.SERVER_ERROR]),
    ([record(failed="ValueError: no")], 1, []),
    ([record(failed="ValueError: no"), record(1, 2, "after all")], 2, ["after all"]),
    ([record(1, number, failed="no") for number in range(1, TRIES + 1)], TRIES, [FallbackReason.SERVER_ERROR]),
    ([record(1, 2, "a")], 2 + TRIES - 1, ["a"]),
    ([record(1, 2, "a")], 2 + TRIES, ["a", FallbackReason.SERVER_ERROR]),
    ([replace(record(failed="too long"), finish=UNFIT)], 0, [FallbackReason.BAD_REQUEST]),
], ids=range(9))  # fmt: skip
def test_what_fails_is_asked_again_then_recorded(
    records: list[Record], rounds: int, expected: list[str | FallbackReason]
) -> None:
    assert said(records, rounds) == expected


def test_a_failure_says_what_the_engine_said_or_that_it_ended() -> None:
    (failure,) = answers_of([record(failed="ValueError: no")], TRIES)
    assert failure.detail == f"{TRIES} times: ValueError: no"
    (failure,) = answers_of([], TRIES)
    assert failure.detail == f"{TRIES} times: {LOST}"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, ray_cluster: int) -> Job:
    """A small history, decided by the default policy, with what it escalates."""
    folder = tmp_path_factory.mktemp("investigated")
    plan = Plan.of(
        rows=3000, seed=3, customers=None, days=60, start=date(2026, 1, 1), fraud_share=0.02, label_delay_days=5
    )
    generate_history(plan, folder / "made")
    manifest = import_history([folder / "made" / "*.parquet"], None, folder / "store")
    book = PolicyBook.of(Policy.load())
    made = Job(
        folder / "store", folder / "run", manifest.fingerprint, manifest.partitions, (book,),
        Settings(data_dir=folder / "data"), investigation=InvestigationPlan(SERVING, 0.6),
    )  # fmt: skip
    steps = window_steps(made)
    for number in range(len(steps)):
        run_window_step(number, steps, made)
    decider = PartDecider(made)
    for part in range(made.parts):
        decider.decide(part)
    return made


def answer(job: Job, text: str, rows_max: int | None = None) -> None:
    """Have all chosen rows answered the same."""
    chosen = choose(job, rows_max)
    for part in range(job.parts):
        rows = [case.row for case in escalated_rows(job.part(part)) if chosen.has(case.tx.transaction_id)]
        write_records(Workshop(job.out).answers(part), [record(1, 1, text, row=row) for row in rows])


def concluded(job: Job, rows_max: int | None = None) -> dict[str, object]:
    chosen = choose(job, rows_max)
    for part in range(job.parts):
        conclude_part(part, job, chosen, 1)
    return investigation_figures(job, chosen, 3000, PRICES)


@pytest.mark.slow
def test_a_verdict_of_approve_lowers_nothing_and_one_of_block_raises_by_a_level(job: Job, tmp_path: Path) -> None:
    for decision, effects in ((Outcome.APPROVE, {"withheld"}), (Outcome.BLOCK, {"raised", "confirmed"})):
        other = replace(job, out=_copied(job, tmp_path / decision))
        answer(other, f"So it is.</think>{verdict(decision, 77, [])}")
        found = concluded(other)
        assert found["asked"] == found["answered"] == found["escalated"]
        assert {name for name in ("confirmed", "raised", "lowered", "withheld") if found[name]} <= effects
        assert sum(int(str(found[name])) for name in effects) == found["answered"]


@pytest.mark.slow
def test_a_sample_is_always_the_same_and_as_large_as_asked(job: Job) -> None:
    names = {case.tx.transaction_id for part in range(job.parts) for case in escalated_rows(job.part(part))}
    few, more = (
        {name for name in names if choose(job, most).has(name)} for most in (5, 9)
    )  # fmt: skip
    assert (len(few), len(more)) == (5, 9)
    assert few < more
    assert all(choose(job, None).has(name) for name in names)
    assert choose(job, 5).escalated == len(names)


@pytest.mark.slow
def test_what_it_costs_follows_from_the_seconds_the_engine_had_work(job: Job, tmp_path: Path) -> None:
    other = replace(job, out=_copied(job, tmp_path / "costs"))
    answer(other, verdict("REVIEW", 50, []), rows_max=10)
    found = concluded(other, rows_max=10)
    # All ended at the same moment after two seconds: the engine had work for two seconds, at a cent a second.
    assert found["engine_s"] == pytest.approx(2.0)
    assert found["cost"] == pytest.approx(0.02)
    assert found["cost_per_1000_asked"] == pytest.approx(2.0)
    escalated = int(str(found["escalated"]))
    assert found["cost_per_million"] == pytest.approx(0.002 * escalated / 3000 * 1e6)
    assert found["cost_per_1000"] == pytest.approx(0.002 * escalated / 3000 * 1e3)
    assert (found["prompt_tokens"], found["completion_tokens"]) == (30_000, 2_000)


@pytest.mark.slow
def test_without_prices_nothing_is_said_of_costs(job: Job, tmp_path: Path) -> None:
    other = replace(job, out=_copied(job, tmp_path / "unpriced"))
    answer(other, verdict("REVIEW", 50, []))
    concluded(other)
    found = investigation_figures(other, choose(other, None), 3000, None)
    assert found["cost"] is None
    assert found["cost_per_million"] is None


@pytest.mark.parametrize(("text", "says"), [
    ("per_hour: -1\n", "per_hour"), ("per_hour: 3\ncurrency: XXQ\n", "currency"), ("currency: USD\n", "per_hour"),
    ("per_hour: 3\nper_second: 1\n", "per_second"),
])  # fmt: skip
def test_a_wrong_file_of_prices_says_where(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=says):
        load_prices(file)


def test_a_model_has_to_be_named_and_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--llm tiny"):
        plan_of(None, Settings(data_dir=tmp_path))
    with pytest.raises(SettingsError, match=r"config\.json"):
        plan_of(str(tmp_path / "nowhere"), Settings(data_dir=tmp_path))


def test_options_of_the_model_want_an_investigation(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fraudray.cli", "backtest", "nothing", "--out", str(tmp_path), "--llm", "tiny"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "--investigate" in done.stderr


def _copied(job: Job, folder: Path) -> Path:
    """The decided parts of a job below another folder."""
    for part in range(job.parts):
        target = replace(job, out=folder).part(part)
        target.mkdir(parents=True)
        (target / "escalated.parquet").write_bytes((job.part(part) / "escalated.parquet").read_bytes())
    return folder
