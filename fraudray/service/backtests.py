"""Back-tests beside the server: asked for, looked at, stopped."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Protocol

import orjson

from fraudray.bootstrap import App
from fraudray.domain.backtest_job import AskedJob, BacktestJob, BacktestRequest, BacktestSpec, PolicyFiles
from fraudray.domain.errors import FieldProblem, InvalidTransaction, PolicyError, StoreFailed
from fraudray.policy.book import PolicyBook, describe
from fraudray.policy.difference import differences
from fraudray.policy.packaged import packaged_policy
from fraudray.policy.policy import Policy

Document = dict[str, Any]
LIST_MAX = 500
CHANGES_MAX = 200
"""Differences of two policies that are told at most."""
_NAMES_SHOWN = 20


class Backtests(Protocol):
    """What every face offers of back-tests. Raises NotInstalled where the extra `batch` is missing."""

    def start(self, request: Mapping[str, Any], *, author: str) -> Document:
        """Begin a back-test: `history`, and when wanted `policy` or `policy_text`, `challenger` or `challenger_text`,
        `from`, `to` (see `domain.backtest_job.BacktestRequest`). The same content is the same back-test: one that runs,
        waits or is done is answered as it is (`begun` false), one that stopped goes on.

        Raises InvalidTransaction naming every bad field, PolicyError with the place in a policy's text, Refused when
        too many wait.
        """
        ...

    def resume(self, backtest_id: str, *, author: str) -> Document:
        """`start` with what a back-test was given then: one that stopped goes on, one whose figures are not there is
        worked out again. Raises NotFound, Refused."""
        ...

    def list(self, *, limit: int = 50, offset: int = 0) -> Document:
        """Back-tests, the last one asked for first, and the `histories` that one can be started on."""
        ...

    def show(self, backtest_id: str) -> Document:
        """One as of now. Raises NotFound."""
        ...

    def cancel(self, backtest_id: str) -> Document:
        """Stop one that waits or runs. Raises NotFound, Refused for one that has ended."""
        ...

    def report(self, backtest_id: str) -> str:
        """The HTML report of a finished one. Raises NotFound, Refused while there is none."""
        ...

    def figures(self, backtest_id: str) -> Document:
        """The figures that the report of a finished one shows, as one bounded document: `run` (what it ran on), and
        what `fraudray.batch.report.document` says. Raises NotFound, Refused while there are none."""
        ...

    def policy_changes(self, backtest_id: str, *, against: str | None = None) -> Document:
        """What the policy of a back-test has otherwise than that of another one, or its challenger than its policy:
        `changes`, each with `policy`, `where`, `was`, `now` and `text`. Raises NotFound, Refused where they are not
        there."""
        ...


class LocalBacktests:
    """Back-tests beside this process's own App."""

    def __init__(self, app: App) -> None:
        self._app = app

    def start(self, request: Mapping[str, Any], *, author: str) -> Document:
        """See `Backtests.start`."""
        asked = self._app.jobs.start(self._spec(request), author=author)
        return _document(AskedJob(**dict(asked.job), begun=asked.begun))

    def resume(self, backtest_id: str, *, author: str) -> Document:
        """See `Backtests.resume`."""
        asked = self._app.jobs.resume(backtest_id, author=author)
        return _document(AskedJob(**dict(asked.job), begun=asked.begun))

    def list(self, *, limit: int = 50, offset: int = 0) -> Document:
        """See `Backtests.list`."""
        jobs = self._app.jobs
        return {
            "backtests": [_document(job) for job in jobs.list(limit=min(limit, LIST_MAX), offset=offset)],
            "histories": [found.model_dump(mode="json", exclude_none=True) for found in jobs.histories()],
        }

    def show(self, backtest_id: str) -> Document:
        """See `Backtests.show`."""
        return _document(self._app.jobs.get(backtest_id))

    def cancel(self, backtest_id: str) -> Document:
        """See `Backtests.cancel`."""
        return _document(self._app.jobs.cancel(backtest_id))

    def report(self, backtest_id: str) -> str:
        """See `Backtests.report`."""
        return self._app.jobs.report(backtest_id)

    def figures(self, backtest_id: str) -> Document:
        """See `Backtests.figures`."""
        try:
            return {"backtest_id": backtest_id, **orjson.loads(self._app.jobs.figures(backtest_id))}
        except (orjson.JSONDecodeError, TypeError):
            raise StoreFailed(f"the figures of the back-test {backtest_id} are damaged") from None

    def policy_changes(self, backtest_id: str, *, against: str | None = None) -> Document:
        """See `Backtests.policy_changes`."""
        own = self._app.jobs.spec(backtest_id)
        before, after = (
            (own.champion, own.challenger) if against is None else (self._app.jobs.spec(against).champion, own.champion)
        )
        found = differences(_book(before), _book(after)) if after is not None else []
        return {
            "changes": [change.document() for change in found[:CHANGES_MAX]],
            "left_out": max(0, len(found) - CHANGES_MAX),
        }

    def _spec(self, document: Any) -> BacktestSpec:
        known = [found.name for found in self._app.jobs.histories()]
        request = BacktestRequest.parse(document)
        wrong: list[FieldProblem] = []
        if request.history not in known:
            wrong.append(FieldProblem("history", "history_unknown", _which(request.history, known)))
        sides: dict[str, PolicyFiles | None] = {"policy": None, "challenger": None}
        bad: list[PolicyError] = []
        for side in sides:
            try:
                sides[side] = self._policy(request, side)
            except PolicyError as error:
                bad.append(error)
        if len(bad) == 1 and not wrong:
            raise bad[0]
        wrong += [FieldProblem(str(error.file), "policy", str(error)) for error in bad]
        champion = sides["policy"]
        if wrong or champion is None:
            raise InvalidTransaction(wrong)
        return BacktestSpec(
            history=request.history, champion=champion, challenger=sides["challenger"], start=request.start,
            end=request.end,
        )  # fmt: skip

    def _policy(self, request: BacktestRequest, side: str) -> PolicyFiles | None:
        """What was asked for on a side, as it stands now. Raises PolicyError."""
        name, text = getattr(request, side), getattr(request, f"{side}_text")
        if text is not None:
            return _files("text", PolicyBook.of(Policy.parse(text, file=f"{side}_text")))
        if name is None and side == "challenger":
            return None
        if name == "current":
            return _files(name, self._app.engine.book)
        packaged = packaged_policy(name or "default")
        assert packaged is not None  # noqa: S101 - the request takes no other names
        return _files(name or "default", PolicyBook.of(packaged))


def _files(asked: Literal["default", "handbook", "current", "text"], book: PolicyBook) -> PolicyFiles:
    """A book as files: one policy alone, or each beside a book file that names them."""
    files = {f"policy-{number}.yaml": policy.source.text for number, policy in enumerate(book)}
    main = "policy-0.yaml"
    if len(files) > 1 or book.choices:
        document = describe(book)
        named = {"policies": list(files), "choose": document["choose"], "default": document["default"]}
        main = "book.yaml"
        files[main] = json.dumps(named, indent=1)  # JSON is YAML
    return PolicyFiles(asked=asked, ref=book.default.ref, files=files, main=main)


def _book(files: PolicyFiles) -> PolicyBook:
    """The book that a back-test was given. Raises PolicyError where it cannot be used any more."""
    with TemporaryDirectory() as folder:
        for name, text in files.files.items():
            (Path(folder) / Path(name).name).write_text(text, encoding="utf-8")
        return PolicyBook.load(Path(folder) / Path(files.main).name)


def _which(name: str, known: list[str]) -> str:
    if not known:
        return "is none of the server's histories; there is none (see the setting histories_dir)"
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    more = f" and {len(known) - _NAMES_SHOWN:,} more" if len(known) > _NAMES_SHOWN else ""
    return f"is none of the server's histories: there are {', '.join(known[:_NAMES_SHOWN])}{more}{hint}"


def _document(job: BacktestJob) -> Document:
    return job.model_dump(mode="json", by_alias=True, exclude_none=True)
