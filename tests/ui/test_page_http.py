"""The page over HTTP: documents, what may be asked of it, signing in, and what an event shows."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from fraudray.ui.pages import HOME, PAGES
from fraudray.ui.views.examples import examples
from tests.ui.events import config_of, do, texts
from tests.ui.running import serving_api, serving_page

PATHS = ["", *(page.path for page in PAGES)]
PAYMENT = {
    "tx-transaction_id": "T-1", "tx-customer_id": "C-12345", "tx-amount": "25.00", "tx-merchant": "Corner Shop",
    "as_json": "false",
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_a_document_with_its_frame_before_any_script(web: httpx.Client, path: str) -> None:
    document = web.get(path).raise_for_status()
    assert document.headers["content-type"] == "text/html; charset=utf-8"
    frame = document.text.index('<header class="fr-top">')
    assert frame < document.text.index("<gradio-app")
    shown = next(page for page in PAGES if page.path == (path or HOME.path))
    assert document.text.count("aria-current") == int(shown.in_navigation)
    assert document.text.count("<base ") == 1


@pytest.mark.parametrize("path", PATHS)
def test_a_document_runs_its_own_scripts_only(web: httpx.Client, path: str) -> None:
    document = web.get(path)
    policy = document.headers["content-security-policy"]
    (nonce,) = re.findall(r"'nonce-([^']+)'", policy)
    scripts = re.findall(r"<script[^>]*>", document.text)
    assert len(scripts) > 4
    assert all(f'nonce="{nonce}"' in script for script in scripts)
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert nonce not in web.get(path).text
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", PATHS)
def test_a_document_names_no_other_host(web: httpx.Client, page_url: str, path: str) -> None:
    document = web.get(path).text
    named = set(re.findall(r"(?:href|src|content)=\"(https?://[^\"]+)", document))
    assert named == set()
    assert config_of(document)["analytics_enabled"] is False


def test_every_answer_carries_the_headers_that_keep_browsers_strict(web: httpx.Client) -> None:
    for path in ("try", "page/healthz", "theme.css", "nowhere", "gradio_api/upload"):
        headers = web.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["referrer-policy"] == "same-origin", path
        assert "content-security-policy" in headers, path


def test_files_are_kept_for_ever_under_an_address_of_their_content(web: httpx.Client) -> None:
    (address,) = re.findall(r'href="(page/static/tokens\.[0-9a-f]+\.css)"', web.get("try").text)
    style = web.get(address).raise_for_status()
    assert "immutable" in style.headers["cache-control"]
    assert "--fr-accent" in style.text
    assert web.get("page/static/tokens.000000000000.css").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {}],
)
@pytest.mark.parametrize("path", ["gradio_api/queue/join", "gradio_api/run/predict", "page/name", "page/sign-in"])
def test_only_the_page_itself_may_write(page_url: str, path: str, headers: dict[str, str]) -> None:
    refused = httpx.post(f"{page_url}/{path}", json={"data": [], "fn_index": 0}, headers=headers)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "path",
    ["gradio_api/upload", "gradio_api/file=/etc/hostname", "gradio_api/proxy=http://x.hf.space/", "monitoring", "login",
     "gradio_api/info", "gradio_api/run-history/connect", "gradio_api/vibe-edit", "docs", "openapi.json", "try/"],
)  # fmt: skip
def test_what_the_page_does_not_use_of_gradio_is_not_there(web: httpx.Client, path: str) -> None:
    assert web.get(path).status_code == 404
    assert web.post(path, json={}).status_code == 404


def test_a_host_that_is_not_known_is_refused(page_url: str) -> None:
    refused = httpx.get(page_url + "/try", headers={"host": "evil.example"})
    assert refused.status_code == 421
    assert "FRAUDRAY_ALLOWED_HOSTS" in refused.text
    assert httpx.get(page_url + "/try", headers={"host": "localhost:8000"}).status_code == 200
    assert httpx.get(page_url + "/page/healthz", headers={"host": "10.0.1.7:7860"}).status_code == 200
    assert httpx.post(page_url + "/page/healthz", headers={"host": "10.0.1.7:7860"}).status_code == 421


def test_a_body_without_a_bound_is_refused(web: httpx.Client) -> None:
    assert web.post("gradio_api/queue/join", content=b"x" * (1024 * 1024 + 1)).status_code == 413
    assert web.post("gradio_api/queue/join", content=iter([b"{}"])).status_code == 413


def test_deciding_shows_outcome_evidence_policy_and_actions(web: httpx.Client) -> None:
    shown = texts(do(web, "try", "decide", PAYMENT))
    assert "Deciding" in shown
    assert "fr-outcome-approve" in shown
    assert "Identity verifier" in shown
    assert "No model is set on this server" in shown
    assert "Nothing is to be done" in shown


def test_an_id_that_was_decided_shows_the_stored_decision(web: httpx.Client) -> None:
    do(web, "try", "decide", PAYMENT | {"tx-transaction_id": "T-again"})
    assert "This id was decided before" in texts(do(web, "try", "decide", PAYMENT | {"tx-transaction_id": "T-again"}))
    other = texts(do(web, "try", "decide", PAYMENT | {"tx-transaction_id": "T-again", "tx-amount": "26.00"}))
    assert "already decided with different content" in other


def test_bad_fields_are_named_with_what_is_wrong(web: httpx.Client) -> None:
    shown = texts(do(web, "try", "decide", PAYMENT | {"tx-amount": "-3", "tx-currency": "QQQ", "tx-ip_address": "x"}))
    assert 'data-problem=\\"amount\\"' in shown
    assert 'data-problem=\\"currency\\"' in shown
    assert "is not an IPv4 or IPv6 address" in shown
    assert "Nothing was decided" in shown


def test_json_that_cannot_be_read_says_where(web: httpx.Client) -> None:
    shown = texts(do(web, "try", "decide", {"as_json": "true", "json": '{"amount": }'}))
    assert "is no JSON" in shown
    assert "line 1, column 12" in shown


def test_hostile_text_is_never_markup(web: httpx.Client) -> None:
    hostile = next(dict(one.values) for one in examples() if one.name == "hostile")
    values = {f"tx-{name}": str(value) for name, value in hostile.items()} | {"tx-transaction_id": "T-hostile"}
    values["tx-card_present"] = "false"
    shown = texts(do(web, "try", "decide", values))
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<img src=x" not in shown


def test_an_example_decides_what_comes_before_it(web: httpx.Client) -> None:
    burst = next(one for one in examples() if one.name == "burst")
    written = {name: "false" if value is False else value for name, value in burst.values.items()}
    values = {f"tx-{name}": value for name, value in written.items()}
    values |= {"tx-transaction_id": "T-burst", "tx-customer_id": "C-burst", "example": "burst", "before": "on"}
    shown = texts(do(web, "try", "decide", values))
    assert "8 payments of the same customer were decided" in shown
    assert "velocity" in shown


def test_without_an_api_the_page_says_what_to_do() -> None:
    with serving_page("http://127.0.0.1:9") as url, httpx.Client(base_url=url, headers={"origin": url}) as web:
        assert web.get("try").status_code == 200
        shown = texts(do(web, "try", "decide", PAYMENT))
    assert "The API does not answer" in shown
    assert "Traceback" not in shown


def test_where_the_api_wants_a_key_the_visitor_signs_in_and_out(tmp_path: Path) -> None:
    with serving_api(tmp_path / "data") as api:
        made = httpx.post(api + "/v1/keys", json={"name": "ada", "scopes": ["read", "decide", "act"]}).json()
        key = made["key"]
        with serving_page(api) as url, httpx.Client(base_url=url, headers={"origin": url}) as web:
            shown = texts(do(web, "try", "decide", PAYMENT))
            assert "This server wants an API key" in shown

            answer = web.post("page/sign-in", data={"key": key, "back": "try"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/try")
            cookie = answer.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert "Secure" not in cookie
            assert "fr-outcome-approve" in texts(do(web, "try", "decide", PAYMENT))
            document = web.get("try").text
            assert key not in document
            assert key.split("_")[1] in document

            web.post("page/sign-out", data={"back": "try"})
            assert "This server wants an API key" in texts(do(web, "try", "decide", PAYMENT))
            secure = web.post("page/sign-in", data={"key": key}, headers={"x-forwarded-proto": "https"})
            assert "Secure" in secure.headers["set-cookie"]


def test_a_key_that_may_not_is_told_so(tmp_path: Path) -> None:
    with serving_api(tmp_path / "data") as api:
        key = httpx.post(api + "/v1/keys", json={"name": "eve", "scopes": ["read"]}).json()["key"]
        with serving_page(api) as url, httpx.Client(base_url=url, headers={"origin": url}) as web:
            web.post("page/sign-in", data={"key": key})
            assert "Your key does not open this" in texts(do(web, "try", "decide", PAYMENT))


def test_signing_in_leads_back_to_this_page_only(web: httpx.Client) -> None:
    for back in ("https://evil.example", "//evil.example", "/\\evil.example", "try?x=\r\nset-cookie: a=b", "../x"):
        answer = web.post("page/name", data={"name": "Ada", "back": back})
        assert answer.headers["location"] == "/", back


def test_the_name_that_was_chosen_is_shown_as_text(web: httpx.Client) -> None:
    web.post("page/name", data={"name": "Ada <b>&amp; Zoë", "back": "try"})
    document = web.get("try").text
    assert "Ada &lt;b&gt;&amp;amp; Zoë" in document


@pytest.mark.parametrize("kept", [True, False])
def test_below_a_prefix_that_a_proxy_keeps_or_strips(api: str, kept: bool) -> None:
    with serving_page(api, root_path="/fraud") as url, httpx.Client(base_url=url, headers={"origin": url}) as web:
        before = "fraud/" if kept else ""
        document = web.get(before + "try").raise_for_status().text
        assert '<base href="/fraud/">' in document
        assert 'location.origin + "/fraud"' in document
        assert not re.findall(r'(?:href|src|action)="/(?!fraud/)', document)
        (style,) = re.findall(r'href="(page/static/tokens\.[^"]+)"', document)
        web.get(before + style).raise_for_status()
        answer = web.post(before + "page/name", data={"name": "Ada", "back": "/fraud/try"})
        assert answer.headers["location"] == "/fraud/try"
        assert "Path=/fraud/" in answer.headers["set-cookie"]
    if kept:
        return
    with serving_page(api, root_path="/fraud") as url:
        assert httpx.get(url + "/fraud").headers["location"] == "/fraud/"
