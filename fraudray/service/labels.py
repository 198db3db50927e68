"""Labels: what became known of transactions, told by whoever knows it, and what holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, get_args

from fraudray.bootstrap import App
from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction, NotFound
from fraudray.domain.label import Labelled, LabelRecord, LabelSource, Said, StoredLabel
from fraudray.problems import problem_of

Document = dict[str, Any]
LIST_MAX = 500
COUNTS = ("recorded", "corrected", "unchanged", "older", "waiting", "refused")
"""What `add_many` counts. Labels that wait for their transaction are among the first four; these and what was refused
add up to the rows."""


class LabelService(Protocol):
    """What every face offers of labels."""

    def add(self, label: Mapping[str, Any], *, author: str) -> Document:
        """Learn that a transaction was fraud or genuine: `transaction_id`, `label`, and when known `source`,
        `scenario`, `labelled_at`. Answers with the label that holds now, and in `outcome` with what became of this one.

        Raises InvalidTransaction naming every bad field, StoreFailed.
        """
        ...

    def add_many(self, rows: Sequence[Any], *, author: str) -> Document:
        """Learn many, in order and in one write: counts, and for each row `{"status": 201 | 200, "label": …}` (200
        where it changed nothing) or `{"status": 4xx, "problem": …}`. Raises StoreFailed: none was kept."""
        ...

    def of(self, transaction_id: str) -> Document:
        """All labels of a transaction, newest first; the first holds. Raises NotFound when it has none."""
        ...

    def list(
        self, *, source: str | None = None, label: str | None = None, waiting: bool | None = None,
        limit: int = 50, offset: int = 0,
    ) -> Document:  # fmt: skip
        """The labels that hold, newest first; `waiting` ones are of transactions that were not decided yet."""
        ...


class LocalLabels:
    """Labels of this process's own App."""

    def __init__(self, app: App) -> None:
        self._app = app

    def add(self, label: Mapping[str, Any], *, author: str) -> Document:
        """See `LabelService.add`."""
        (answer,) = self._app.engine.label([label], author=author)
        if isinstance(answer, FraudrayError):
            raise answer
        return label_document(answer.stored, answer)

    def add_many(self, rows: Sequence[Any], *, author: str) -> Document:
        """See `LabelService.add_many`."""
        results = [_result(answer) for answer in self._app.engine.label(rows, author=author)]
        return tally(results) | {"results": results}

    def of(self, transaction_id: str) -> Document:
        """See `LabelService.of`."""
        found = self._app.store.ledger.labels.of(transaction_id)
        if not found:
            raise NotFound("label of transaction", transaction_id)
        return {"transaction_id": transaction_id, "labels": [label_document(stored) for stored in found]}

    def list(
        self, *, source: str | None = None, label: str | None = None, waiting: bool | None = None,
        limit: int = 50, offset: int = 0,
    ) -> Document:  # fmt: skip
        """See `LabelService.list`."""
        found = self._app.store.ledger.labels.search(
            source=None if source is None else LabelSource(_one_of(tuple(LabelSource), source, "source")),
            label=None if label is None else _one_of(get_args(Said), label, "label"),
            waiting=waiting,
            limit=min(limit, LIST_MAX),
            offset=offset,
        )
        return {"labels": [label_document(stored) for stored in found]}


def label_document(stored: StoredLabel, answer: Labelled | None = None) -> Document:
    """A label as every face shows it."""
    record = LabelRecord.of(stored, None if answer is None else answer.outcome)
    return record.model_dump(mode="json", exclude_none=True)


def tally(results: Sequence[Mapping[str, Any]]) -> Document:
    """The counts of `add_many` over its results."""
    counts = Counter(result["label"]["outcome"] if "label" in result else "refused" for result in results)
    counts["waiting"] = sum("label" in result and result["label"]["waiting"] for result in results)
    return {name: counts[name] for name in COUNTS}


def _result(answer: Labelled | FraudrayError) -> Document:
    if isinstance(answer, Labelled):
        return {"status": status_of(answer.outcome), "label": label_document(answer.stored, answer)}
    problem = problem_of(answer)
    return {"status": problem["status"], "problem": problem}


def status_of(outcome: str) -> int:
    """The HTTP status of an outcome: 201 where the label was kept, 200 where nothing was."""
    return 201 if outcome in ("recorded", "corrected") else 200


def _one_of(known: Sequence[str], value: str, field: str) -> str:
    if value not in known:
        raise InvalidTransaction([FieldProblem(field, "enum", f"is one of {', '.join(known)}")])
    return value
