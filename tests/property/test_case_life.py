"""Whatever people do with a case, in whatever order: its state stays one that makes sense."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fraudray.domain.case import ACTIVE
from fraudray.domain.case_life import CaseAct, CaseState, allowed, apply, check
from fraudray.domain.errors import Refused
from fraudray.domain.words import QUERY_MAX, WORD_MAX, query_words, words_of

BEGIN = datetime(2026, 11, 29, tzinfo=UTC)
LOCK = timedelta(minutes=30)
DONE = [act for act in CaseAct if act is not CaseAct.UNDO]
STEPS = st.lists(
    st.tuples(st.sampled_from(DONE), st.sampled_from(["ana", "bo"]), st.integers(0, 60), st.booleans()), max_size=25
)


@given(STEPS)
def test_only_what_a_status_allows_is_done_and_nobody_acts_on_what_another_holds(
    steps: list[tuple[CaseAct, str, int, bool]],
) -> None:
    state, now = CaseState("open"), BEGIN
    for act, author, later_min, take_over in steps:
        now += timedelta(minutes=later_min)
        holder = state.held_by(now)
        permitted = act.name.lower() in allowed(state.status) and (take_over or holder in (None, author))
        try:
            check("C", state, act, author, now, take_over=take_over)
        except Refused:
            assert not permitted
            continue
        assert permitted
        after = apply(state, act, author, now, lock=LOCK)
        assert (after.status == "claimed") == (after.locked_until is not None)
        if act is CaseAct.CLAIM:
            assert after.held_by(now) == author
        if after.status == "claimed":
            assert after.locked_until == now + LOCK
            assert after.assignee is not None
        if after.status != "claimed":
            assert after.held_by(now) is None
        state = after
    assert state.status in (*ACTIVE, "closed")


@given(st.text(max_size=300))
def test_a_text_is_found_by_each_of_its_words(text: str) -> None:
    found = words_of(text)
    assert all(0 < len(word) <= WORD_MAX for word in found)
    assert len(set(found)) == len(found)
    assert set(query_words(text)) <= set(found)
    assert len(query_words(text)) <= QUERY_MAX
    assert set(query_words(text.upper())) <= set(words_of(text.upper()))
