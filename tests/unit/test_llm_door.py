"""Who may use the model's HTTP front."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from fraudray.deployments.llm_door import Door
from fraudray.settings import load_settings


def request(**headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/v1/models", "headers": raw})


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000"])
def test_without_a_key_this_machine_may_in_by_its_own_names(host: str) -> None:
    assert Door(load_settings(), "127.0.0.1").refuse(request(host=host)) is None


@pytest.mark.parametrize("host", ["rebound.example:8000", "127.0.0.1.example:8000", "127.0.0.1:x", "", "[::1]"[:4]])
def test_without_a_key_no_other_name_may(host: str) -> None:
    assert "FRAUDRAY_ALLOWED_HOSTS" in (Door(load_settings(), "127.0.0.1").refuse(request(host=host)) or "")


def test_without_a_key_no_page_of_another_site_may() -> None:
    door = Door(load_settings(), "127.0.0.1")

    assert door.refuse(request(host="localhost:8000", origin="http://localhost:3000")) is None
    assert "FRAUDRAY_ALLOWED_ORIGINS" in (
        door.refuse(request(host="localhost:8000", origin="https://page.example")) or ""
    )


def test_with_a_key_its_holder_may_from_anywhere_and_nobody_else() -> None:
    door = Door(load_settings(llm_api_key="k-1"), "0.0.0.0")

    assert door.refuse(request(host="llm.example", authorization="Bearer k-1")) is None
    for authorization in ("", "Bearer", "Bearer k-2", "Basic k-1", "Bearer \u00e9"):
        assert "a key is needed" in (door.refuse(request(host="localhost", authorization=authorization)) or "")


def test_a_server_reached_from_outside_answers_nobody_before_a_key_is_set() -> None:
    assert "FRAUDRAY_LLM_API_KEY" in (Door(load_settings(), "0.0.0.0").refuse(request(host="localhost:8000")) or "")
