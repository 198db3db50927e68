"""An investigation followed: nothing waits for the event after it, and what fails is told after what came before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fraudray.domain.errors import StoreFailed
from fraudray.ui.following import views_of
from tests.ui.test_views import event


def test_what_has_come_is_shown_while_the_next_is_waited_for() -> None:
    go_on = threading.Event()

    def events() -> Iterator[dict[str, Any]]:
        yield event("stage", name="model")
        yield event("reasoning", text="Whose ")
        yield event("reasoning", text="device?")
        assert go_on.wait(30)
        yield event("finished", failure="late")

    shown = []
    for view in views_of(events(), show_every_s=0.01):
        shown.append(view)
        if view.thinking == "Whose device?":
            go_on.set()
    assert shown[-1].failure == "the time for it ended"
    assert not shown[-1].running


def test_what_comes_together_is_shown_together() -> None:
    shown = list(views_of([event("reasoning", text="a")] * 500, show_every_s=30))
    assert [view.thinking for view in shown] == ["a" * 500]


def test_a_failure_is_raised_after_what_came_before_it() -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield event("reasoning", text="so far")
        raise StoreFailed("cut")

    following = views_of(events(), show_every_s=30)
    assert next(following).thinking == "so far"
    with pytest.raises(StoreFailed):
        next(following)
