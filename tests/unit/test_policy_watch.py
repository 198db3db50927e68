"""Changing the policy without a restart: what takes effect, what is refused, and that no decision notices."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from fraudray.bootstrap import App
from fraudray.domain.errors import PolicyError, StoreFailed
from fraudray.policy.book import PolicyBook
from fraudray.settings import load_settings
from fraudray.testing.clock import FixedClock
from tests.policies import BOOK, small, write_book

Make = Callable[..., dict[str, Any]]
Open = Callable[..., App]
PATIENCE_S = 30


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(small())
    return path


def replace(path: Path, text: str) -> None:
    """As editors and deployments write: a new file in the old one's place."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def decided_by(app: App, row: dict[str, Any]) -> tuple[str, int]:
    decision = app.engine.decide(row)
    return decision.policy.version, decision.score


def loaded(app: App) -> list[dict[str, Any]]:
    entries = app.store.audit_entries(subject=None, limit=100, offset=0)
    return [orjson.loads(entry.body) | {"actor": entry.actor} for entry in entries if entry.kind == "policy_loaded"]


def test_an_edited_file_decides_from_then_on(make_app: Open, file: Path, plain: Make) -> None:
    app = make_app(policy_file=file)
    assert decided_by(app, plain()) == ("1", 10)
    file.write_text(small(version="2", weight=30))
    assert decided_by(app, plain()) == ("1", 10)
    app.watch.look()
    assert decided_by(app, plain()) == ("2", 30)
    assert app.watch.loads == {"loaded": 1, "refused": 0}
    (entry,) = loaded(app)
    assert entry["policies"] == [app.policy.ref.model_dump()]
    assert entry["policies"][0]["hash"].startswith("sha256:")
    assert (entry["actor"], entry["default"]) == ("policy-watch", "cards")


def test_an_unchanged_or_only_touched_file_changes_nothing(make_app: Open, file: Path) -> None:
    app = make_app(policy_file=file)
    before = app.policy
    app.watch.look()
    os.utime(file, ns=(1, 1))
    app.watch.look()
    app.watch.reload(actor="ann")
    assert app.policy is before
    assert app.watch.loads == {"loaded": 0, "refused": 0}
    assert loaded(app) == []


@pytest.mark.parametrize("way", ["rename", "symlink", "same size and time"])
def test_every_way_of_writing_is_noticed(make_app: Open, tmp_path: Path, plain: Make, way: str) -> None:
    path = tmp_path / "policy.yaml"
    if way == "symlink":  # as Kubernetes swaps a ConfigMap: one link to the folder of the moment
        for version in ("1", "2"):
            (tmp_path / f"v{version}").mkdir()
            (tmp_path / f"v{version}" / "policy.yaml").write_text(small(version=version))
        (tmp_path / "..data").symlink_to("v1")
        path.symlink_to("..data/policy.yaml")
    else:
        path.write_text(small())
    app = make_app(policy_file=path)
    if way == "symlink":
        (tmp_path / "..tmp").symlink_to("v2")
        (tmp_path / "..tmp").replace(tmp_path / "..data")
    elif way == "rename":
        replace(path, small(version="2"))
    else:
        before = path.stat()
        path.write_text(small(version="2"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
    app.watch.look()
    assert decided_by(app, plain())[0] == "2"


def test_a_bad_file_leaves_the_last_good_one_until_it_is_repaired(
    make_app: Open, file: Path, plain: Make, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(policy_file=file)
    file.write_text(small(version="2").replace("when: spending", "when: spendign"))
    with caplog.at_level(logging.ERROR, "fraudray"):
        app.watch.look()
        app.watch.look()
    assert decided_by(app, plain()) == ("1", 10)
    assert app.watch.problem is not None
    problem = app.watch.problem.document()
    assert (problem["file"], problem["rule"], problem["line"]) == (str(file), "always", 12)
    assert "did you mean spending" in problem["message"]
    assert app.watch.loads == {"loaded": 0, "refused": 1}
    (line,) = [record.getMessage() for record in caplog.records if "last good one" in record.getMessage()]
    assert f"{file}:12:" in line
    file.write_text(small(version="3"))
    app.watch.look()
    assert app.watch.problem is None
    assert decided_by(app, plain())[0] == "3"


def test_going_back_to_the_file_in_force_ends_the_problem(make_app: Open, file: Path) -> None:
    app = make_app(policy_file=file)
    file.write_text("nonsense")
    app.watch.look()
    assert app.watch.problem is not None
    file.write_text(small())
    app.watch.look()
    assert app.watch.problem is None
    assert app.watch.loads["loaded"] == 0


def test_a_file_that_is_gone_is_a_problem_until_it_is_back(make_app: Open, file: Path, plain: Make) -> None:
    app = make_app(policy_file=file)
    file.unlink()
    app.watch.look()
    assert app.watch.problem is not None
    assert "cannot be read" in app.watch.problem.error.message
    assert decided_by(app, plain())[0] == "1"
    replace(file, small(version="2"))
    app.watch.look()
    assert app.watch.problem is None
    assert decided_by(app, plain())[0] == "2"


def test_a_half_written_file_is_not_used(make_app: Open, file: Path, plain: Make) -> None:
    app = make_app(policy_file=file)
    whole = small(version="2")
    for end in range(10, len(whole) - 100, 97):
        file.write_text(whole[:end])
        app.watch.look()
        assert decided_by(app, plain())[0] == "1"
        assert app.watch.problem is not None
    file.write_text(whole)
    app.watch.look()
    assert decided_by(app, plain())[0] == "2"
    assert app.watch.problem is None


def test_a_change_between_reading_and_watching_is_not_missed(file: Path, tmp_path: Path, clock: FixedClock) -> None:
    book = PolicyBook.load(file)
    replace(file, small(version="2"))
    settings = load_settings(data_dir=tmp_path / "data", policy_file=file)
    with App(settings, clock=clock, book=book, work=False) as app:
        assert app.policy.ref.version == "1"
        app.watch.look()
        assert app.policy.ref.version == "2"


def test_reload_on_request_says_what_is_wrong_or_in_force(make_app: Open, file: Path) -> None:
    app = make_app(policy_file=file)
    file.write_text(small(version="2"))
    assert app.watch.reload(actor="ann").default.ref.version == "2"
    assert loaded(app)[0]["actor"] == "ann"
    file.write_text("x: [")
    for _ in range(2):
        with pytest.raises(PolicyError, match="is not YAML"):
            app.watch.reload(actor="ann")
    assert app.watch.loads == {"loaded": 1, "refused": 2}


def test_another_base_currency_is_refused(make_app: Open, file: Path) -> None:
    app = make_app(policy_file=file)
    file.write_text(small(base="EUR"))
    with pytest.raises(PolicyError, match="another data folder") as caught:
        app.watch.reload(actor="ann")
    assert (caught.value.line, caught.value.column) == (3, 16)
    assert app.policy.document.base_currency == "USD"


def test_every_file_of_a_book_is_watched_and_so_is_what_it_says(make_app: Open, tmp_path: Path, plain: Make) -> None:
    path = write_book(tmp_path)
    app = make_app(policy_file=path)
    (tmp_path / "wallets.yaml").write_text(small("wallets", version="2", weight=60))
    app.watch.look()
    assert decided_by(app, plain(channel="mobile")) == ("2", 60)
    path.write_text(BOOK.replace("default: cards", "default: wallets"))
    app.watch.look()
    assert decided_by(app, plain(channel="pos")) == ("2", 60)
    (tmp_path / "third.yaml").write_text(small("third", weight=3))
    path.write_text("policies: [third.yaml]\ndefault: third\n")
    app.watch.look()
    (tmp_path / "third.yaml").write_text(small("third", version="4", weight=4))
    app.watch.look()
    assert decided_by(app, plain(channel="mobile")) == ("4", 4)
    assert [entry["default"] for entry in loaded(app)] == ["third", "third", "wallets", "cards"]


def test_a_book_may_take_the_place_of_a_policy(make_app: Open, tmp_path: Path, plain: Make) -> None:
    book = write_book(tmp_path)
    file = tmp_path / "policy.yaml"
    file.write_text(small())
    app = make_app(policy_file=file)
    file.write_text(book.read_text())
    app.watch.look()
    assert decided_by(app, plain(channel="mobile")) == ("1", 50)


def test_a_policy_that_the_audit_trail_does_not_take_is_not_used(make_app: Open, file: Path) -> None:
    app = make_app(policy_file=file)
    file.write_text(small(version="2"))
    app.store.close()
    with pytest.raises(StoreFailed):
        app.watch.reload(actor="ann")
    assert app.policy.ref.version == "1"


def test_the_watcher_looks_by_itself(file: Path, tmp_path: Path, plain: Make) -> None:
    with App(load_settings(data_dir=tmp_path / "data", policy_file=file, reload_s=0.05)) as app:
        replace(file, small(version="2", weight=20))
        give_up_at = time.monotonic() + PATIENCE_S
        while app.policy.ref.version != "2":
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
        assert decided_by(app, plain()) == ("2", 20)


def test_decisions_under_way_are_each_wholly_by_one_policy(make_app: Open, file: Path, plain: Make) -> None:
    """Four threads decide while the policy changes forty times: each decision's version, score and text agree."""
    app = make_app(policy_file=file)
    weights = {str(n): 10 + n for n in range(1, 41)}
    rows = [[plain(customer_id=f"C-{thread}-{n % 7}") for n in range(250)] for thread in range(4)]
    decided: list[Any] = []
    failed: list[BaseException] = []

    def decide(mine: list[dict[str, Any]]) -> None:
        try:
            decided.extend(app.engine.decide(row) for row in mine)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=decide, args=(mine,)) for mine in rows]
    for thread in threads:
        thread.start()
    for version, weight in weights.items():
        file.write_text(small(version=version, weight=weight))
        app.watch.reload(actor="ann")
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(decided) == 1000
    assert len({decision.policy.version for decision in decided}) > 1
    for decision in decided:
        version = decision.policy.version
        (reason,) = decision.reasons
        assert (decision.score, reason.text) in ((weights[version], version), (10, "1"))
    assert decided_by(app, plain()) == ("40", 50)
