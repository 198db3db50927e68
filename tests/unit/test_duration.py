"""Durations are read as people and systems write them; what cannot be read is said, not guessed."""

from __future__ import annotations

import pytest

from fraudray.domain.duration import parse_duration, spell_duration


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30 minutes ago", 30), ("2 hours ago", 120), ("1 day ago", 1440), ("an hour ago", 60), ("1h 30m", 90),
        ("90 min", 90), ("1.5 hours", 90), ("half an hour ago", 30), ("PT30M", 30), ("P1DT2H", 1560), ("just now", 0),
        ("two hours and ten minutes ago", 130), ("1 day, 2 hours ago", 1560), ("3 weeks", 30240), ("45s", 0.75),
        ("about 20 minutes ago", 20), ("2 HOURS AGO", 120),
    ],
)  # fmt: skip
def test_readable_durations(text: str, minutes: float) -> None:
    assert parse_duration(text).total_seconds() == minutes * 60


@pytest.mark.parametrize(
    "text",
    ["", "soon", "30", "-3 hours", "5 parsecs", "ago", "PT", "P-1D", "99999999999 days", "1 hour 2", "yesterday?"],
)
def test_unreadable_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 min"), (30, "30 min"), (90, "1 h 30 min"), (120, "2 h"), (1440, "24 h"), (4320, "3 days")],
)
def test_durations_are_spelled_shortly(minutes: float, words: str) -> None:
    assert spell_duration(minutes) == words
