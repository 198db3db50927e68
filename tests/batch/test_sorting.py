"""The scale that windows are looked up on: distances where they fit 64 bits, ranks where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from fraudray.batch.replay.sorting import Scale


@pytest.mark.parametrize("stretch", [1, 2**59])
def test_a_scale_counts_what_lies_before_a_bound_in_its_group(stretch: int) -> None:
    draw = np.random.default_rng(stretch)
    group = np.sort(draw.integers(0, 6, 60))
    value = draw.integers(-3, 4, 60) * stretch
    value = value[np.lexsort((value, group))]
    scale = Scale.of(group, value)

    assert (scale.ranked is None) == (stretch == 1)
    asked, bound = np.repeat(np.arange(8), 11), np.tile(np.arange(-5, 6), 8) * (stretch // 2 + 1)
    expected = [int(np.sum((group < g) | ((group == g) & (value < b)))) for g, b in zip(asked, bound, strict=True)]
    assert scale.below(asked, bound).tolist() == expected


def test_a_scale_of_nothing_has_nothing_before_any_bound() -> None:
    none = np.zeros(0, np.int64)
    assert Scale.of(none, none).below(np.arange(3), np.array([-1, 0, 2**60])).tolist() == [0, 0, 0]
