"""An answer while it streams in: its verdict, its thinking, wherever the stream is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.agent.turn import Turn
from fraudray.agent.verdict import Rejected, read_answer, read_core
from fraudray.domain.investigation import Verdict
from fraudray.ports.llm import Delta

NAMES = ("risk", "decision", "evidence", "analysis", "next_checks", "customer_reason")
IDS = ["a/b", "transaction-risk/amount", "lists/lst_1"]
PROSE = st.text(max_size=60) | st.sampled_from(['{"risk":1}', "]}", "</think>", "\\", '"', "\x00\n\t"])
VERDICTS = st.fixed_dictionaries(
    {
        "risk": st.integers(0, 100), "decision": st.sampled_from(["APPROVE", "REVIEW", "BLOCK"]),
        "evidence": st.lists(st.sampled_from(IDS), max_size=5, unique=True), "analysis": PROSE,
        "next_checks": st.lists(PROSE, max_size=3), "customer_reason": PROSE,
    }
)  # fmt: skip
WRITTEN = st.tuples(VERDICTS, st.booleans(), st.sampled_from([None, 1])).map(
    lambda made: (made[0], json.dumps({name: made[0][name] for name in NAMES}, ensure_ascii=made[1], indent=made[2]))
)


def cut(text: str, data: st.DataObject) -> list[str]:
    """The text in pieces, wherever."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def streamed(pieces: list[str]) -> Turn:
    """What is heard of an answer."""
    turn = Turn(IDS)
    for piece in pieces:
        turn.take(Delta(content=piece))
    return turn


@given(WRITTEN, st.data())
@settings(deadline=None)
def test_a_verdict_is_the_same_wherever_its_stream_is_cut(
    made: tuple[dict[str, Any], str], data: st.DataObject
) -> None:
    verdict, text = made
    turn = streamed(cut(text, data))
    assert turn.core is not None
    assert turn.core.model_dump(mode="json", include={"risk", "decision", "evidence"}) == {
        name: verdict[name] for name in ("risk", "decision", "evidence")
    }
    outcome = turn.outcome()
    assert isinstance(outcome, Verdict)
    assert outcome.model_dump(mode="json", exclude={"unswayed"}) == verdict


@given(WRITTEN)
@settings(deadline=None)
def test_the_core_is_known_at_the_bracket_that_ends_the_evidence_and_not_before(
    made: tuple[dict[str, Any], str],
) -> None:
    _, text = made
    known = next(end for end in range(len(text) + 1) if read_core(text[:end], IDS) is not None)
    assert text[known - 1] == "]"
    assert set(json.loads(text[:known] + "}")) == {"risk", "decision", "evidence"}


@given(WRITTEN, st.sampled_from(["\n", "\t", "\x00", "\x1b", "\x01"]), st.data())
@settings(deadline=None)
def test_raw_control_characters_in_its_texts_take_nothing_from_a_verdict(
    made: tuple[dict[str, Any], str], control: str, data: st.DataObject
) -> None:
    verdict, _ = made
    raw = json.dumps(verdict | {"analysis": "before MARK after"}).replace("MARK", control)
    outcome = streamed(cut(raw, data)).outcome()
    assert isinstance(outcome, Verdict)
    assert (outcome.risk, outcome.analysis) == (verdict["risk"], "before   after")


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")), st.data())
@settings(deadline=None)
def test_whatever_a_model_writes_is_a_verdict_a_question_or_rejected(text: str, data: st.DataObject) -> None:
    turn = streamed(cut(text, data))
    assert turn.core is None
    with pytest.raises(Rejected):
        turn.outcome()


@pytest.mark.parametrize("text", [
    '{"risk": 101, "decision": "BLOCK", "evidence": []}', '{"risk": "9", "decision": "BLOCK", "evidence": []}',
    '{"risk": 9.5, "decision": "BLOCK", "evidence": []}', '{"risk": true, "decision": "BLOCK", "evidence": []}',
    '{"risk": NaN, "decision": "BLOCK", "evidence": []}', '{"risk": 9, "decision": "block", "evidence": []}',
    '{"risk": 9, "decision": "BLOCK", "evidence": ["x/y"]}', '{"risk": 9, "decision": "BLOCK", "evidence": [[]]}',
    '{"risk": 9, "decision": "BLOCK", "evidence": null}', '{"decision": "BLOCK", "evidence": []}',
    '{"risk": 9, "decision": "BLOCK", "evidence": [], "unswayed": true}', "[1]", "{'risk': 9}",
])  # fmt: skip
def test_what_is_no_verdict_is_rejected(text: str) -> None:
    with pytest.raises(Rejected):
        read_answer(text, IDS)


STREAMS = [
    ("{}", "", "{}"),
    ("\n {}", "", "{}"),
    ("<think>Hm {no}.</think>\n\n{}", "Hm {no}.", "{}"),
    ("Hm, <b>.\n{draft}</think>{}", "Hm, <b>.\n{draft}", "{}"),
    ("<think></think>{}", "", "{}"),
    ('{"analysis":"</think> <think>"}', "", '{"analysis":"</think> <think>"}'),
    ("<think>for ever and ev", "for ever and ev", ""),
]


@pytest.mark.parametrize(("text", "thought", "answer"), STREAMS)
@given(data=st.data())
@settings(deadline=None)
def test_thinking_is_told_from_the_answer_wherever_the_stream_is_cut(
    text: str, thought: str, answer: str, data: st.DataObject
) -> None:
    turn = Turn(IDS)
    shown = "".join(turn.take(Delta(content=piece)) for piece in cut(text, data))
    assert turn.answer.lstrip() == answer
    if not thought.endswith("ev"):
        assert shown == thought
    assert turn.thinking == shown
