"""The model's reasoning, watched as it goes on: a real endpoint over HTTP that says a piece, waits, and goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from fraudray.policy.source import default_policy_text
from fraudray.testing.endpoint import MODEL, ModelEndpoint, Reply, says
from fraudray.testing.scripted_model import verdict
from tests.ui.browser.conftest import Opened
from tests.ui.browser.doing import choose, decide, ready
from tests.ui.running import serving_api, serving_page

DEVICE = "identity-verifier/device"


@pytest.fixture
def go_on() -> threading.Event:
    """Set when the model may say the rest."""
    return threading.Event()


@pytest.fixture
def watched(tmp_path: Path, go_on: threading.Event) -> Iterator[str]:
    """A page on an API whose model stops in the middle of its thinking until told to go on."""
    said = says(
        verdict("BLOCK", 90, [DEVICE], "Somebody else’s <b>device</b>."), reasoning="Whose device is it? It is new. "
    )

    def script(_body: dict[str, Any]) -> Reply:
        return Reply(_held(said.pieces, go_on), said.status, said.error, said.headers)

    policy = tmp_path / "patient.yaml"
    patient = "  stall_s: 60\n  later_limit_s: 120\n  steps_max: 3"
    policy.write_text(default_policy_text().replace("  steps_max: 3", patient))
    with (
        ModelEndpoint(script) as endpoint,
        serving_api(tmp_path / "data", llm_url=endpoint.url, llm_model=MODEL, policy_file=policy) as api,
        serving_page(api) as url,
    ):
        yield url
        go_on.set()


class _held(list[Any]):  # noqa: N801
    """Pieces, of which the last come when an event is set."""

    def __init__(self, pieces: Any, event: threading.Event) -> None:
        super().__init__(pieces)
        self._event = event

    def __iter__(self) -> Iterator[Any]:
        for number, piece in enumerate(list.__iter__(self)):
            if number == 3:
                self._event.wait(30)
            yield piece


def test_an_investigation_is_watched_while_it_runs(watched: str, go_on: threading.Event, open_page: Opened) -> None:
    page = ready(open_page(watched + "/try"))
    choose(page, "Everyday purchase")
    decide(page)
    reasoning = page.locator("#try-reasoning")
    expect(reasoning).to_contain_text("decided alone")
    page.get_by_role("button", name="Have it investigated").click()
    expect(reasoning.locator(".fr-thinking")).to_contain_text("Whose")
    expect(reasoning.locator(".fr-working")).to_be_visible()
    go_on.set()
    expect(reasoning).to_contain_text("The model would")
    expect(reasoning).to_contain_text("Somebody else’s <b>device</b>.")
    expect(reasoning.locator("code", has_text=DEVICE)).to_be_visible()
    expect(reasoning.locator(".fr-working")).to_have_count(0)
    expect(page.locator("#try-decision")).to_contain_text("revision 2")
    assert page.locator("#try-reasoning b").count() == 0
