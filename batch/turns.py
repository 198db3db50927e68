"""Work that is numbered, done on Ray a few numbers at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fraudray.domain.errors import FraudrayError


def in_turn(
    work: Callable[..., Any], numbers: Sequence[int], more: tuple[Any, ...], cpus: int
) -> Iterator[tuple[int, Any]]:
    """`work(number, *more)` for each number on Ray, twice as many at once as there are CPUs; results as they come.

    Raises the FraudrayError that a worker raised, or what Ray raises.
    """
    import ray

    remote = ray.remote(num_cpus=1, max_retries=3)(work)
    shared = [ray.put(argument) for argument in more]
    waiting = iter(numbers)
    running: dict[Any, int] = {}
    with own_failures():
        while True:
            while len(running) < 2 * cpus and (number := next(waiting, None)) is not None:
                running[remote.remote(number, *shared)] = number
            if not running:
                return
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            yield running.pop(done), ray.get(done)


@contextmanager
def own_failures() -> Iterator[None]:
    """Raises what a worker raised, if it is an expected failure, without Ray's wrapping."""
    try:
        yield
    except Exception as error:
        found: BaseException | None = error
        while found is not None:
            found = getattr(found, "cause", None) or found.__cause__
            if isinstance(found, FraudrayError):
                raise found.with_traceback(None) from None
        raise
