"""What runs back-tests beside a server: with the real command on Ray, and with one that acts as it does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fraudray.adapters.jobs import open_jobs
from fraudray.batch.jobs import ProcessJobRunner, job_environment
from fraudray.domain.backtest_job import JobState
from fraudray.domain.errors import NotFound, NotInstalled, Refused
from fraudray.policy.policy import Policy
from fraudray.ports.jobs import JobRunner
from fraudray.settings import RemoteTool, Settings, load_settings
from fraudray.testing.clock import FixedClock
from tests.batch.job_bench import Bench, acting_bench, begun, ended, real_bench, spec

Open = Callable[..., ProcessJobRunner]
FUTURE = datetime(2090, 1, 1, tzinfo=UTC)
OTHER = Policy.load().source.text.replace("review: 40, block: 75", "review: 25, block: 60")


@pytest.fixture(scope="module")
def real_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated history of 30 days."""
    from fraudray.batch.history.importing import import_history
    from fraudray.batch.synthetic.generate import generate_history
    from fraudray.batch.synthetic.plan import Plan

    folder = tmp_path_factory.mktemp("history")
    plan = Plan.of(
        rows=3_000, seed=5, customers=100, days=30, start=date(2026, 1, 1), fraud_share=0.05, label_delay_days=3
    )
    generate_history(plan, folder / "made")
    import_history([folder / "made" / "*.parquet"], "fraudray", folder / "store", partitions=4)
    return folder / "store"


@pytest.fixture(
    params=["acting", pytest.param("fraudray backtest", marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def bench(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> Bench:
    if request.param == "acting":
        return acting_bench(tmp_path / "data", clock)
    return real_bench(tmp_path / "data", clock, request.getfixturevalue("real_store"))


@pytest.fixture
def opened(bench: Bench) -> Iterator[Open]:
    """Opens runners, closed at the end; then nothing of theirs is left."""
    made: list[ProcessJobRunner] = []

    def open_(**how: int) -> ProcessJobRunner:
        made.append(bench.open(**how))
        return made[-1]

    yield open_
    for runner in made:
        runner.close()
    assert bench.processes() == []


def test_a_back_test_runs_to_its_end_and_the_same_one_is_not_run_again(opened: Open, bench: Bench) -> None:
    runner: JobRunner = opened()
    asked = runner.start(spec(), author="Ana")
    assert asked.begun
    assert asked.job.state is JobState.QUEUED

    done = ended(runner, asked.job)

    assert (done.state, done.error, done.author) == (JobState.DONE, None, "Ana")
    assert done.run_id is not None
    assert done.run_id.startswith("bt_")
    assert done.result is not None
    assert "Transactions" in done.result
    assert done.started_at is not None
    assert done.ended_at is not None
    assert runner.report(done.backtest_id).lower().startswith("<!doctype html>")
    assert json.loads(runner.figures(done.backtest_id))["run_id"] == done.run_id
    assert runner.spec(done.backtest_id) == spec()
    assert bench.processes() == []
    again = runner.start(spec(), author="Ben")
    assert again == runner.resume(done.backtest_id, author="Ben") == (done, False)
    assert list(runner.list()) == [done]


def test_figures_that_are_gone_are_worked_out_again_from_what_was_decided(opened: Open, bench: Bench) -> None:
    runner = opened()
    done = ended(runner, runner.start(spec(), author="Ana").job)
    run = bench.folder / "backtests" / done.backtest_id / "run"
    before = runner.figures(done.backtest_id)
    (run / "figures.json").unlink()
    with pytest.raises(Refused, match="asked for again"):
        runner.figures(done.backtest_id)
    again = runner.resume(done.backtest_id, author="Ben")
    assert (again.begun, again.job.backtest_id, again.job.author) == (True, done.backtest_id, "Ben")
    assert ended(runner, again.job).run_id == done.run_id
    assert _found(runner.figures(done.backtest_id)) == _found(before)


def _found(figures: bytes) -> dict[str, Any]:
    """Without what tells when and how fast it was."""
    document: dict[str, Any] = json.loads(figures)
    return {name: value for name, value in document.items() if name != "run"}


def test_a_cancelled_one_leaves_no_process_and_goes_on_when_asked_for_again(opened: Open, bench: Bench) -> None:
    runner = opened()
    bench.hold()
    job = begun(runner, runner.start(spec(), author="Ana").job)
    assert job.progress is not None
    assert job.progress.total > 0
    assert len(bench.processes()) > 1

    cancelled = runner.cancel(job.backtest_id)

    assert cancelled.state is JobState.CANCELLED
    assert bench.processes() == []
    assert runner.cancel(job.backtest_id).state is JobState.CANCELLED
    with pytest.raises(Refused, match="no report"):
        runner.report(job.backtest_id)
    with pytest.raises(Refused, match="no figures"):
        runner.figures(job.backtest_id)
    bench.release()
    again = runner.start(spec(), author="Ben")
    assert (again.begun, again.job.backtest_id) == (True, job.backtest_id)
    done = ended(runner, again.job)
    assert (done.state, done.author) == (JobState.DONE, "Ben")
    with pytest.raises(Refused, match="has ended"):
        runner.cancel(done.backtest_id)


def test_closing_interrupts_what_runs_and_what_waits_and_both_go_on_later(opened: Open, bench: Bench) -> None:
    first = opened()
    bench.hold()
    running = begun(first, first.start(spec(), author="Ana").job)
    waiting = first.start(spec(text=OTHER), author="Ana").job

    first.close()

    assert bench.processes() == []
    with pytest.raises(Refused, match="stopping"):
        first.start(spec(), author="Ana")
    bench.release()
    second = opened()
    assert {job.state for job in second.list()} == {JobState.INTERRUPTED}
    for job, asked in ((running, spec()), (waiting, spec(text=OTHER))):
        again = second.start(asked, author="Ana")
        assert (again.begun, again.job.backtest_id) == (True, job.backtest_id)
    assert [ended(second, job).state for job in (running, waiting)] == [JobState.DONE] * 2


def test_one_that_fails_says_why_in_one_line(opened: Open) -> None:
    runner = opened()
    failed = ended(runner, runner.start(spec(start=FUTURE), author="Ana").job)
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert "no transaction to measure" in failed.error
    assert "\n" not in failed.error
    assert runner.start(spec(start=FUTURE), author="Ana").begun


def test_what_outlived_its_server_is_stopped_and_interrupted(opened: Open, bench: Bench) -> None:
    bench.hold()
    # A server of its own, which dies without closing anything.
    dying = (
        "import os, signal\nfrom pathlib import Path\nfrom fraudray.testing.clock import FixedClock\n"
        "from tests.batch.job_bench import Bench, begun, spec\n"
        f"runner = Bench(Path({str(bench.folder)!r}), {bench.command!r}, FixedClock()).open()\n"
        "begun(runner, runner.start(spec(), author='Ana').job)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", dying], check=False, timeout=240)
    assert bench.processes() != []

    runner = opened()

    (job,) = runner.list()
    assert job.state is JobState.INTERRUPTED
    assert bench.processes() == []


def test_what_is_not_there_is_not_found(opened: Open) -> None:
    runner = opened()
    for ask in (runner.get, runner.cancel, runner.report, runner.figures, runner.spec):
        with pytest.raises(NotFound):
            ask("btj_none")
    with pytest.raises(NotFound):
        runner.resume("btj_none", author="Ana")
    with pytest.raises(NotFound):
        runner.start(spec("others"), author="Ana")
    (history,) = runner.histories()
    assert (history.name, history.fraud + history.genuine + history.unlabelled) == ("payments", history.rows)
    assert list(runner.list()) == []


@pytest.fixture
def acting(tmp_path: Path, clock: FixedClock) -> Bench:
    return acting_bench(tmp_path / "acting", clock, "a", "b")


def test_one_runs_at_a_time_and_only_so_many_wait(acting: Bench, clock: FixedClock) -> None:
    runner = acting.open(waiting_max=1)
    acting.hold()
    first = begun(runner, runner.start(spec("a"), author="Ana").job)
    clock.advance(seconds=1)
    second = runner.start(spec("b"), author="Ana").job
    with pytest.raises(Refused, match="wait already"):
        runner.start(spec("b", text=OTHER), author="Ana")
    assert runner.start(spec("b"), author="Ana") == (second, False)
    assert [job.backtest_id for job in runner.list()] == [second.backtest_id, first.backtest_id]
    assert [job.backtest_id for job in runner.list(limit=1, offset=1)] == [first.backtest_id]
    assert runner.get(second.backtest_id).state is JobState.QUEUED

    assert runner.cancel(second.backtest_id).state is JobState.CANCELLED
    assert runner.get(first.backtest_id).state is JobState.RUNNING
    acting.release()
    assert ended(runner, first).state is JobState.DONE
    assert runner.get(second.backtest_id).state is JobState.CANCELLED
    runner.close()


def test_a_history_of_other_content_is_another_back_test(acting: Bench) -> None:
    runner = acting.open()
    before = ended(runner, runner.start(spec("a"), author="Ana").job)
    manifest = acting.histories / "a" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"fingerprint":"a"', '"fingerprint":"c"'))
    after = runner.start(spec("a"), author="Ana")
    assert after.begun
    assert after.job.backtest_id != before.backtest_id
    with pytest.raises(Refused, match="another one by now"):
        runner.resume(before.backtest_id, author="Ana")
    runner.close()


def test_what_is_not_kept_cannot_be_resumed(acting: Bench) -> None:
    runner = acting.open()
    of_a, of_b = (ended(runner, runner.start(spec(name), author="Ana").job).backtest_id for name in ("a", "b"))
    (acting.folder / "backtests" / of_a / "spec.json").write_text("{")
    (acting.histories / "b" / "manifest.json").unlink()
    for backtest_id, why in ((of_a, "was given is not there"), (of_b, "history b is not there")):
        with pytest.raises(Refused, match=why):
            runner.resume(backtest_id, author="Ana")
    runner.close()


def test_damaged_files_and_unfinished_stores_are_left_out(acting: Bench) -> None:
    (acting.histories / "unfinished").mkdir()
    (acting.histories / ".hidden").mkdir()
    (acting.histories / "b" / "manifest.json").write_text("{")
    broken = acting.folder / "backtests" / "btj_broken"
    broken.mkdir(parents=True)
    (broken / "job.json").write_text("{")
    runner = acting.open()
    assert [found.name for found in runner.histories()] == ["a"]
    assert list(runner.list()) == []


def test_one_that_cannot_be_started_fails(acting: Bench) -> None:
    runner = Bench(acting.folder, ("/nowhere/fraudray",), acting.clock).open()
    failed = ended(runner, runner.start(spec("a"), author="Ana").job)
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    runner.close()


def test_it_is_told_no_secret_and_only_which_cluster_to_use() -> None:
    tool = RemoteTool.model_validate({"url": "https://watch.example/mcp", "token": "t0ken"})
    settings = Settings.model_validate(
        {
            "api_key": "k3y", "llm_api_key": "m0del", "smtp_password": "p0st", "remote_tools": {"watch": tool},
            "database_url": "postgresql://fraud:s3cret@db/fraud", "policy_file": "/etc/policy.yaml",
        }
    )  # fmt: skip
    own = {"PATH": "/bin", "RAY_JOB_ID": "1", "RAY_AUTH_TOKEN": "r4y", "FRAUDRAY_RUN": "/data", "FRAUDRAY_API_KEY": "x"}

    alone = job_environment(settings, own)
    cluster = job_environment(settings, own | {"RAY_ADDRESS": "head:6379"})

    assert not any(secret in str(alone) for secret in ("k3y", "m0del", "p0st", "t0ken", "s3cret", "r4y"))
    assert (alone["FRAUDRAY_RUN"], alone["FRAUDRAY_POLICY_FILE"]) == ("/data", "/etc/policy.yaml")
    assert not any(name.startswith("RAY_") for name in alone)
    assert {name for name in cluster if name.startswith("RAY_")} == {"RAY_ADDRESS", "RAY_AUTH_TOKEN"}


def test_the_installed_runner_is_found_without_starting_ray(tmp_path: Path, clock: FixedClock) -> None:
    look = "import sys; from fraudray.adapters.jobs import open_jobs; from fraudray.settings import load_settings; "
    look += "from fraudray.ports.clock import SystemClock; open_jobs(load_settings(), SystemClock()).list(); "
    look += "sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", look], check=True, timeout=60)
    runner = open_jobs(load_settings(data_dir=tmp_path), clock)
    assert isinstance(runner, ProcessJobRunner)
    missing = open_jobs(load_settings(data_dir=tmp_path), clock, "nobody")
    with pytest.raises(NotInstalled, match=r"fraudray\[batch\]"):
        missing.list()
    missing.close()
