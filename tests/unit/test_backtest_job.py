"""What may be asked of a back-test, and when two are the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fraudray.domain.backtest_job import BacktestRequest, BacktestSpec, PolicyFiles
from fraudray.domain.decision import PolicyRef
from fraudray.domain.errors import InvalidTransaction


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"history": "../x"}, {"history"}), ({"history": "/etc"}, {"history"}), ({"history": "a/b"}, {"history"}),
        ({"history": "payments\n"}, {"history"}), ({"history": ".."}, {"history"}), ({"history": ""}, {"history"}),
        ({"history": 7}, {"history"}), ({"history": "x" * 65}, {"history"}), ({"history": None}, {"history"}),
        ({"policy": "mine.yaml"}, {"policy"}), ({"challenger": "/etc/passwd"}, {"challenger"}),
        ({"policy": "default", "policy_text": "text"}, {"policy_text"}), ({"policy_text": ""}, {"policy_text"}),
        ({"policy_text": "x" * 300_000}, {"policy_text"}), ({"challenger_text": ["x"]}, {"challenger_text"}),
        ({"from": "yesterday"}, {"from"}), ({"to": 20260101}, {"to"}), ({"from": "1999-01-01"}, {"from"}),
        ({"from": "9999-12-31T23:59:59-23:59"}, {"from"}), ({"from": "2026-02-01", "to": "2026-01-01"}, {"from"}),
        ({"start": "2026-01-01"}, {"start"}), ({"customers": "samples"}, {"customers"}), ({"out": "/x"}, {"out"}),
        (
            {"history": "../x", "policy": "x", "policy_text": "y", "to": "z", "colour": 1},
            {"history", "policy", "policy_text", "to", "colour"},
        ),
    ],
)  # fmt: skip
def test_every_bad_field_is_named(fields: dict[str, Any], bad: set[str]) -> None:
    with pytest.raises(InvalidTransaction) as refused:
        BacktestRequest.parse({"history": "payments"} | fields)
    assert {problem.field for problem in refused.value.problems} == bad


@pytest.mark.parametrize("document", [None, [], "payments", 7])
def test_it_is_an_object(document: Any) -> None:
    with pytest.raises(InvalidTransaction, match="a back-test is a JSON object"):
        BacktestRequest.parse(document)


def test_moments_are_days_or_moments_and_in_utc_without_a_zone() -> None:
    request = BacktestRequest.parse({"history": "a", "from": "2026-01-10", "to": "2026-01-20T12:00:00+01:00"})
    assert request.start == datetime(2026, 1, 10, tzinfo=UTC)
    assert request.end == datetime(2026, 1, 20, 11, tzinfo=UTC)
    assert BacktestRequest.parse({"history": "a", "from": None}).start is None


def _spec(text: str = "x", **changed: Any) -> BacktestSpec:
    ref = PolicyRef(name="p", version="1", hash="h")
    files = PolicyFiles(asked="text", ref=ref, files={"policy-0.yaml": text}, main="policy-0.yaml")
    return BacktestSpec.model_validate({"history": "a", "champion": files} | changed)


def test_the_same_content_is_the_same_job_and_any_other_is_another() -> None:
    files = _spec("y").champion
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ids = [
        _spec().job_id("f"), _spec("y").job_id("f"), _spec(history="b").job_id("f"), _spec().job_id("g"),
        _spec(challenger=files).job_id("f"), _spec(start=at).job_id("f"), _spec(end=at).job_id("f"),
    ]  # fmt: skip
    assert len(set(ids)) == len(ids)
    named = _spec().champion.model_copy(update={"asked": "default"})
    assert _spec(champion=named).job_id("f") == ids[0]
