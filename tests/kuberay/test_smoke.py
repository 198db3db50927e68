"""A deployment tried from outside: on a real gateway, and on what is none."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.service import LocalService
from fraudray.settings import load_settings
from tests.kuberay.conftest import Ended, Run
from tests.ui.running import free_port, serving, serving_api, serving_page


def verdicts(ended: Ended) -> dict[str, str]:
    return {one["check"]: one["verdict"] for one in ended.json["checks"]}


def failed(ended: Ended) -> set[str]:
    return {check for check, verdict in verdicts(ended).items() if verdict == "failed"}


def test_a_gateway_that_works_passes_and_keeps_three_payments_that_say_what_they_are(run: Run, tmp_path: Path) -> None:
    with serving_api(tmp_path / "data") as url:
        ended = run("smoke-test", "--url", url, "--json")
        name = f"SMOKE-{ended.json['run']}"
        stored = httpx.get(f"{url}/v1/customers/smoke-test/transactions").json()

    assert ended.code == 0
    assert failed(ended) == set()
    assert list(verdicts(ended).values()).count("ok") == 7
    assert f"{name}-1 to -3" in ended.error
    kept = str(stored)
    assert all(f"{name}-{number}" in kept for number in (1, 2, 3))


def test_two_tests_do_not_meet(run: Run, tmp_path: Path) -> None:
    with serving_api(tmp_path / "data") as url:
        assert [run("smoke-test", "--url", url + "/").code for _ in range(2)] == [0, 0]


def test_a_key_that_may_only_decide_is_told_what_it_cannot(run: Run, tmp_path: Path) -> None:
    app = App(load_settings(data_dir=tmp_path / "data"))  # the gateway closes it
    key = str(LocalService(app).keys.create("till", scopes=["decide"], author="test")["key"])
    with serving(build_gateway(app)) as url:
        ended = run("smoke-test", "--url", url, "--key", key, "--json")
        without = run("smoke-test", "--url", url, "--json")

    assert ended.code == 1
    assert failed(ended) == {"MCP tools are listed", "GET /metrics"}
    assert "the key needs the scope read" in str(ended.json)
    assert verdicts(without)["GET /readyz"] == "ok"
    assert verdicts(without)["a payment is decided: 201"] == "failed"


def test_a_model_that_does_not_answer_fails_where_one_is_set(run: Run, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    with serving_api(tmp_path / "data", llm_url=nowhere, llm_model="m") as url:
        ended = run("smoke-test", "--url", url, "--json")

    assert failed(ended) == {"GET /readyz/investigator"}
    assert ended.code == 1


def test_the_page_is_tried_where_it_is_named(run: Run, tmp_path: Path) -> None:
    with serving_api(tmp_path / "data") as api, serving_page(api) as page:
        good = run("smoke-test", "--url", api, "--page-url", page, "--json")
        bad = run("smoke-test", "--url", api, "--page-url", api, "--json")

    assert verdicts(good)["the page answers"] == "ok"
    assert failed(bad) == {"the page answers"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "no address", "https://127.0.0.1:{port}/fraud"])
def test_where_nothing_answers_every_check_fails_and_says_so(run: Run, url: str) -> None:
    ended = run("smoke-test", "--url", url.format(port=free_port()), "--json")

    assert ended.code == 1
    assert list(verdicts(ended).values()).count("failed") == 7
    assert "no answer" in str(ended.json) or "not an address" in str(ended.json)
