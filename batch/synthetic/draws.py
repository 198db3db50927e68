"""Chance that repeats: streams of random numbers by name, and habits that are drawn anew yet always the same."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Stream(IntEnum):
    """What a stream of random numbers is for: a change in one part leaves the numbers of the others alone."""

    MERCHANTS = 1
    CUSTOMERS = 2
    TRIPS = 3
    HABITS = 4
    CALENDAR = 5
    FRAUD = 6
    LABELS = 7
    PROFILES = 8


def generator(seed: int, stream: Stream, *place: int) -> np.random.Generator:
    """The random numbers of one purpose at one place (a day, a scenario), independent of all others."""
    return np.random.default_rng([seed, int(stream), *place])


def mixed(*parts: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """64 well-mixed bits for each row of `parts` (whole numbers that broadcast): splitmix64, one round a part.

    A habit that is a function of who and what needs no memory: the same customer always gets the same answer.
    """
    state = np.zeros(1, np.uint64)
    for part in parts:
        state = state + np.asarray(part).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return state


def share(*parts: npt.ArrayLike) -> Floats:
    """A number in [0, 1) for each row of `parts`, as `mixed`."""
    return (mixed(*parts) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def cumulative(weights: npt.ArrayLike) -> Floats:
    """Weights (… × choices) as running shares that end at exactly 1, for `choose`."""
    running = np.cumsum(np.asarray(weights, np.float64), axis=-1)
    running /= running[..., -1:]
    running[..., -1] = 1.0
    return running


def choose(tables: Floats, which: Ints, rng: np.random.Generator) -> Ints:
    """For each row one of the choices in its own table: `tables` is (tables × choices) of running shares."""
    choices = tables.shape[1]
    # One search serves all tables, since each lies above the one before.
    stacked = (tables + np.arange(len(tables))[:, None]).ravel()
    found = np.searchsorted(stacked, which + rng.random(len(which)), side="right") - which * choices
    chosen: Ints = np.clip(found, 0, choices - 1)
    return chosen
