"""What the tests of cases over HTTP share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

Make = Callable[..., dict[str, Any]]
Act = Callable[..., httpx.Response]
"""`act(case_id, "claim", "ana", version=3, **fields)`."""


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [case["case_id"] for case in answer.json()["cases"]]
