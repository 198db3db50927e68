"""What the case page and the queue show, without a browser: sums, places, scales, links, and hostile text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.ui.templates import render
from fraudray.ui.views.acts import acts_of
from fraudray.ui.views.case import entries_of, head_of, trail_of
from fraudray.ui.views.connections import connections_view
from fraudray.ui.views.live import live_view
from fraudray.ui.views.map import great_circle, map_view
from fraudray.ui.views.queue import asked_of, lines_of, span
from fraudray.ui.views.timeline import HEIGHT, WIDTH, timeline_view

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> {{7*7}} ${x} \"'&"
LONGITUDE, LATITUDE = st.floats(-180, 180), st.floats(-90, 90)


def case(**changed: Any) -> dict[str, Any]:
    return {
        "case_id": "FRD-2026-0001", "customer_id": "C-1", "status": "open", "decision": "BLOCK", "score": 95,
        "opened_at": "2026-11-29T10:00:00Z", "last_alert_at": "2026-11-29T11:00:00Z",
        "updated_at": "2026-11-29T11:00:00Z", "version": 3, "due_at": "2026-11-29T18:00:00Z", "entries": [],
        "files": [], "decisions": [], "reasons": ["A", "B", "C"], "amount": "1200.00", "currency": "EUR",
        "merchant": "Kiosk",
    } | changed  # fmt: skip


def past(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"T-{number}", "occurred_at": (NOW - timedelta(hours=number)).isoformat(), "amount": "10.00",
        "currency": "USD", "amount_base": "10.00", "base_currency": "USD", "decision": "APPROVE", "score": 5,
        "reasons": [],
    } | changed  # fmt: skip


class TestQueue:
    """Addresses, and lines."""

    @pytest.mark.parametrize(
        ("query", "address"),
        [
            ({}, "queue"),
            ({"view": "closed", "q": "a b", "p": "3"}, "queue?view=closed&p=3&q=a+b"),
            ({"view": "nonsense", "sort": "luck", "p": "-1", "colour": "red"}, "queue"),
            ({"view": "overdue", "sort": "due"}, "queue?view=overdue"),
            ({"p": "٣"}, "queue"),
        ],
    )
    def test_an_address_says_what_is_asked_for_and_nothing_that_makes_no_sense(
        self, query: dict[str, str], address: str
    ) -> None:
        asked = asked_of(query)
        assert asked.address() == address

    def test_each_view_asks_for_its_cases(self) -> None:
        assert asked_of({"view": "mine"}).query("ana") == {"sort": "risk", "status": "claimed", "assignee": "ana"}
        assert asked_of({"view": "overdue", "q": "x"}).query("ana") == {"sort": "due", "overdue": True, "q": "x"}

    def test_a_line_says_how_old_how_late_and_by_whom(self) -> None:
        taken = {"status": "claimed", "assignee": "bo"}
        late, left, closed = lines_of(
            [
                case(due_at="2026-11-29T09:30:00Z", locked_until="2026-11-29T12:30:00Z", **taken),
                case(locked_until="2026-11-29T11:30:00Z", **taken),
                case(status="closed", disposition="fraud"),
            ],
            NOW,
        )
        assert (late.age, late.due, late.overdue, late.status_word) == ("1 h", "2 h 30 min late", True, "Taken")
        assert (left.due, left.overdue, left.status_word) == ("in 6 h", False, "Left alone")
        assert (closed.due, closed.status_word) == ("", "Closed: fraud")
        assert (late.reasons, late.more_reasons) == (("A", "B"), 1)

    @pytest.mark.parametrize(("minutes", "words"), [(0, "now"), (61, "1 h 1 min"), (1440 * 3 + 5, "3 d 5 min")])
    def test_a_span_is_told_in_two_units(self, minutes: int, words: str) -> None:
        assert span(timedelta(minutes=minutes)) == words


class TestMap:
    """Two places and the way between."""

    @given(LONGITUDE, LATITUDE, LONGITUDE, LATITUDE)
    def test_everything_lies_in_the_box_and_the_box_in_the_world(self, a: float, b: float, c: float, d: float) -> None:
        view = map_view(_places((a, b), (c, d)))
        assert view is not None
        left, top, width, height = view.box
        assert left >= -180.01
        assert top >= -90.01
        assert left + width <= 180.01
        assert top + height <= 90.01
        for mark in view.marks:
            assert left - 0.01 <= mark.x <= left + width + 0.01
            assert top - 0.01 <= mark.y <= top + height + 0.01
        for path in view.route:
            xs = [float(pair.split(" ")[0]) for pair in path[1:].split("L")]
            assert all(abs(x - y) <= 180 for x, y in pairwise(xs))

    def test_the_shortest_way_from_seattle_to_moscow_goes_far_north(self) -> None:
        line = great_circle((-122.33, -47.61), (37.62, -55.75))
        assert line[0] == pytest.approx((-122.33, -47.61), abs=1e-6)
        assert line[-1] == pytest.approx((37.62, -55.75), abs=1e-6)
        assert min(y for _, y in line) < -75

    def test_a_single_place_and_none(self) -> None:
        place = {"label": "X", "latitude": 1.0, "longitude": 2.0}
        only = map_view({"geolocation-checker": {"items": {"place": place}}})
        assert only is not None
        assert (len(only.marks), only.route) == (1, ())
        assert map_view({}) is None
        assert "No place is known" in render("case/map.html", map=None, land="x")


class TestTimeline:
    """Amounts by time."""

    @given(st.lists(st.decimals(0, 10**9, places=2), min_size=1, max_size=30))
    def test_every_payment_is_inside_the_drawing_and_larger_ones_are_higher(self, amounts: list[Any]) -> None:
        rows = [past(n, amount_base=str(amount)) for n, amount in enumerate(amounts)]
        view = timeline_view(rows, frozenset({"T-0"}), usual_high=1000.0)
        assert view is not None
        for dot in view.dots:
            assert 0 <= dot.x <= WIDTH
            assert 0 <= dot.y <= HEIGHT
        heights = {dot.transaction_id: dot.y for dot in view.dots}
        ranked = sorted(range(len(amounts)), key=lambda n: amounts[n])
        assert [heights[f"T-{n}"] for n in ranked] == sorted((heights[f"T-{n}"] for n in ranked), reverse=True)
        assert sum(dot.current for dot in view.dots) == 1
        assert 1 <= len(view.amounts) <= 5
        assert all(0 <= tick.at <= HEIGHT for tick in view.amounts)

    def test_what_has_no_rate_is_left_out_and_counted(self) -> None:
        rows = [past(0), past(1, amount_base=None), past(2, base_currency="EUR")]
        view = timeline_view(rows, frozenset(), usual_high=None)
        assert view is not None
        assert (len(view.dots), view.left_out, view.usual) == (1, 2, None)
        assert timeline_view([], frozenset(), usual_high=None) is None


class TestConnections:
    """A graph of what is shared."""

    def test_each_other_customer_is_there_once_and_tied_to_all_that_it_shares(self) -> None:
        links = {
            "keys": [
                _key("device", "dev-1", ["C-2", "C-3"], ["FRD-2"]), _key("address", "203.0.113.7", ["C-2"], []),
                _key("instrument", "tok", [], ["FRD-2"]),
            ],
            "linked": [{"case": case(case_id="FRD-2", customer_id="C-2", disposition="fraud")}],
        }  # fmt: skip
        view = connections_view(links, "C-1")
        assert view is not None
        others = {node.text: node for node in view.nodes if node.kind == "other"}
        assert set(others) == {"C-2", "C-3"}
        assert (others["C-2"].fraud, others["C-2"].href, others["C-3"].href) == (True, "FRD-2", None)
        assert len(view.edges) == 3 + 3 + 1
        assert [row.others for row in view.rows] == ["C-2, C-3", "C-2", "C-2"]

    def test_where_nothing_is_shared_there_is_no_graph(self) -> None:
        assert connections_view({"keys": [], "linked": []}, "C-1") is None

    def test_of_very_many_some_are_drawn_and_the_rest_counted(self) -> None:
        links = {"keys": [_key("device", "d", [f"C-{n}" for n in range(2, 42)], [])], "linked": []}
        view = connections_view(links, "C-1")
        assert view is not None
        assert view.left_out == 24
        assert all(view.top < node.y < view.top + view.height for node in view.nodes)


class TestCase:
    """Head, acts, entries."""

    def test_what_is_offered_follows_from_the_status_and_from_who_holds_the_case(self) -> None:
        def offered(author: str = "ana", **changed: Any) -> set[str]:
            return {act.name for act in acts_of(case(**changed), author, None, NOW)}

        around = {"list", "mute", "alert"}
        working = {"close", "wait", "escalate", "due", "merge", "undo"} | around
        assert offered() == working | {"claim"}
        held = {"status": "claimed", "assignee": "ana", "locked_until": "2026-11-29T12:10:00Z"}
        assert offered(**held) == working | {"release"}
        assert offered("bo", **held) == {"take-over"} | around
        assert offered("bo", **held | {"locked_until": "2026-11-29T11:10:00Z"}) == working | {"claim", "release"}
        assert offered(status="closed") == {"reopen", "undo"} | around
        assert offered(status="closed", merged_into="FRD-2") == {"undo"}
        frozen = {act.name for act in acts_of(case(), "ana", "2026-11-30T00:00:00Z", NOW)}
        assert {"unfreeze", "extend-freeze"} <= frozen

    def test_every_act_that_changes_something_says_what_will_happen(self) -> None:
        for act in acts_of(case(), "ana", "2026-11-30T00:00:00Z", NOW):
            assert act.name == "claim" or len(act.says) > 20, act.name

    def test_what_was_noted_is_text_newest_first_and_erased_words_are_said_to_be(self) -> None:
        noted = [
            {"entry_id": str(n), "at": f"2026-11-29T1{n}:00:00Z", "author": HOSTILE, "kind": "note", "body": body}
            for n, body in enumerate([{"notes": HOSTILE}, {"erased": True}])
        ]
        entries = entries_of(case(entries=noted))
        assert [entry.entry_id for entry in entries] == ["1", "0"]
        html = render("case/notes.html", entries=entries, files=[], case_id="FRD-2026-0001")
        assert "<script>" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt; {{7*7}}" in html
        assert "erased with the customer" in html

    def test_the_trail_says_from_where_to_where_and_why(self) -> None:
        entry = {
            "seq": 7, "at": "2026-11-29T10:00:00Z", "actor": "ana", "kind": "case_closed",
            "body": {"from": "open", "to": "closed"}, "reason": "confirmed",
        }  # fmt: skip
        (shown,) = trail_of([entry])
        assert (shown.said, [part.text for part in shown.parts]) == ("closed", ["open → closed", "confirmed"])

    def test_hostile_ids_are_text_and_addresses_are_escaped(self) -> None:
        hostile = case(customer_id=HOSTILE, case_id=HOSTILE)
        html = render(
            "case/head.html", head=head_of(hostile, NOW), frozen_until=None, rules=[(HOSTILE, HOSTILE)],
            acts=acts_of(hostile, "ana", None, NOW),
        )  # fmt: skip
        assert "<script>" not in html
        assert re.search(r'href="[^"]*[<>]', html) is None


class TestLive:
    """Figures."""

    def test_bars_stack_up_to_the_highest_step_and_nothing_is_drawn_of_nothing(self) -> None:
        series = [{"at": n, "refused": 0, "APPROVE": n, "REVIEW": 1, "BLOCK": 0} for n in range(4)]
        view = live_view(_live(series))
        assert len(view.bars) == 3 + 4
        assert min(bar.y for bar in view.bars) == 6
        assert view.counts == (("APPROVE", 6), ("REVIEW", 4), ("BLOCK", 0))
        quiet = live_view(_live([{"at": 0, "refused": 2, "APPROVE": 0, "REVIEW": 0, "BLOCK": 0}]))
        assert (quiet.bars, quiet.refused) == ((), 2)
        assert "Nothing was decided" in render("live/now.html", view=quiet)

    def test_what_is_bad_is_marked(self) -> None:
        found = _live([]) | {"model": {"configured": True, "breaker": "open"}}
        found["outbox"]["dead"]["count"] = 1
        states = {tile.title: tile.state for tile in live_view(found).tiles}
        assert (states["Model"], states["Outbox"]) == ("bad", "bad")


def _places(before: tuple[float, float], here: tuple[float, float]) -> dict[str, Any]:
    named = {"previous": before, "place": here}
    items = {name: {"label": name, "longitude": lon, "latitude": lat} for name, (lon, lat) in named.items()}
    return {"geolocation-checker": {"items": items}}


def _key(kind: str, value: str, seen_with: list[str], case_ids: list[str]) -> dict[str, Any]:
    return {
        "kind": kind, "value": value, "cases": len(case_ids), "customers": len(seen_with), "case_ids": case_ids,
        "seen_with": seen_with,
    }  # fmt: skip


def _live(series: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "step_s": 5, "series": series, "per_second": {"10s": 1.0, "60s": 1.0, "300s": 1.0}, "latency_ms": {},
        "tools": {}, "model": {"configured": False}, "cases": {"ready": 1, "active": 2, "overdue": 0},
        "outbox": {"pending": {"count": 0, "oldest_s": None}, "dead": {"count": 0, "oldest_s": None}},
        "labels": {"days": 90, "fraud": 0, "fraud_flagged": 0, "genuine": 0, "genuine_flagged": 0,
                   "detection_rate": None, "false_positive_rate": None},
        "llm_today": {"prompt_tokens": 0, "completion_tokens": 0, "investigations": 0, "questions": 0, "usd": 1.5},
    }  # fmt: skip
