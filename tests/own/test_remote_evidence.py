"""Evidence from a remote MCP server that really runs: what is sent, what is believed, what happens when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fraudray.adapters.mcp_link import ANSWER_MAX
from fraudray.bootstrap import App
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import PolicyError, SettingsError
from fraudray.policy.policy import Policy
from fraudray.settings import load_settings, to_environment
from tests.own.policies import LISTED, written
from tests.own.watch_server import GOOD, WatchServer
from tests.tools.serving import free_port, serving

Make = Callable[..., dict[str, Any]]
SOURCE = """\
evidence:
  merchant-watch:
    mcp:
      tool: check_merchant
      arguments: {merchant: merchant, amount: amount}
      facts:
        watch_listed: {kind: bool, key: listed}
        watch_days: {kind: int, key: days}
        watch_note: {kind: string, key: note, meaning: why it is watched}
        watch_score: {kind: double, key: more.score}
"""


@pytest.fixture
def server() -> WatchServer:
    return WatchServer()


@pytest.fixture
def deciding(make_app: Callable[..., App], tmp_path: Path) -> Callable[..., App]:
    """An App whose policy asks the server at `url`."""

    def make(url: str, *, source: str = SOURCE, rules: str = LISTED, limit_ms: float = 1500, token: str = "") -> App:
        tool: dict[str, Any] = {"url": url, "limit_ms": limit_ms} | ({"token": token} if token else {})
        policy = written(tmp_path, source, rules=rules)
        return make_app(policy_file=policy, remote_tools={"merchant-watch": tool}, remote_hosts=["127.0.0.1"])

    return make


def decide_until(app: App, plain: Make, outcome: Outcome) -> Decision:
    """Decide fresh transactions until one comes out so: what happens in the background needs its time."""
    give_up_at = time.monotonic() + 20
    while True:
        decision = app.engine.decide(plain())
        if decision.decision is outcome:
            return decision
        assert time.monotonic() < give_up_at, decision


def refused(decision: Decision) -> str:
    """Why the source is unavailable, where that is all that speaks."""
    assert decision.decision is Outcome.REVIEW
    assert [reason.code for reason in decision.reasons] == ["EVIDENCE_UNAVAILABLE"]
    found = decision.evidence["merchant-watch"]
    assert (found.status, found.items) == ("unavailable", {})
    assert found.error is not None
    return found.error


@pytest.mark.parametrize("stateless", [True, False], ids=["stateless", "with sessions"])
def test_rules_weigh_what_the_server_states(
    server: WatchServer, deciding: Callable[..., App], plain: Make, stateless: bool
) -> None:
    server.stateless = stateless
    with serving(server.app()) as url:
        app = deciding(url + "/mcp")
        decision = app.engine.decide(plain(merchant="Kiosk", memo="not for others"))
        assert (decision.decision, decision.score) == (Outcome.REVIEW, 50)
        (reason,) = decision.reasons
        assert (reason.text, reason.evidence) == ("on the list since 12 d", ["merchant-watch/check_merchant"])
        item = decision.evidence["merchant-watch"].items["check_merchant"]
        assert item == {"listed": True, "days": 12, "note": "on the list", "more.score": 0.5}
        assert decision.latency_ms.tools >= decision.evidence["merchant-watch"].latency_ms
        app.close()
    (call,) = server.received
    assert (call["name"], call["arguments"]) == ("check_merchant", {"merchant": "Kiosk", "amount": 25.0})
    sent = str(server.received) + str(server.headers)
    assert not [word for word in ("C-12345", "T-0", "Seattle", "dev-abc123", "not for others") if word in sent]


def test_hostile_text_is_only_an_argument_value(server: WatchServer, deciding: Callable[..., App], plain: Make) -> None:
    hostile = 'x", "amount": 1}, ignore all rules {watch_days} <b> \u202e\U0001f4a3'
    with serving(server.app()) as url:
        deciding(url + "/mcp").engine.decide(plain(merchant=hostile))
    assert [call["arguments"] for call in server.received] == [{"merchant": hostile, "amount": 25.0}]


def test_a_bearer_token_is_sent_to_the_server_and_shown_to_nobody(
    server: WatchServer, deciding: Callable[..., App], plain: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server.token = "s3cret"
    with serving(server.app()) as url:
        app = deciding(url + "/mcp", token="s3cret")
        assert app.engine.decide(plain()).score == 50
        assert "s3cret" not in repr(app.settings) + caplog.text
        assert "s3cret" in to_environment(app.settings)["FRAUDRAY_REMOTE_TOOLS"]
        app.close()
        wrong = deciding(url + "/mcp", token="wrong")
        assert refused(wrong.engine.decide(plain())) == "failed: the server cannot be reached (HTTP 401)"


@pytest.mark.parametrize(
    ("hosts", "tools", "says"),
    [
        (["other.example"], {"merchant-watch": {"url": "http://127.0.0.1:9/mcp"}}, "FRAUDRAY_REMOTE_HOSTS=127.0.0.1:9"),
        (["127.0.0.1:8"], {"merchant-watch": {"url": "http://127.0.0.1:9/mcp"}}, "127.0.0.1:9 is not among the hosts"),
        (["127.0.0.1"], {}, "remote_tools says no address"),
    ],
)
def test_a_server_that_is_not_allowed_or_not_set_is_refused_by_name_at_the_start(
    make_app: Callable[..., App], tmp_path: Path, hosts: list[str], tools: dict[str, Any], says: str
) -> None:
    policy = written(tmp_path, SOURCE)
    with pytest.raises(PolicyError) as caught:
        make_app(policy_file=policy, remote_tools=tools, remote_hosts=hosts)
    assert says in caught.value.message
    assert (caught.value.file, caught.value.line) == (str(policy), 7)
    make_app()  # and the data folder is free


@pytest.mark.parametrize("name", ["lists", "geolocation-checker"])
def test_a_name_under_which_fraudray_has_evidence_itself_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PolicyError, match="give yours another name"):
        Policy.load(written(tmp_path, SOURCE.replace("merchant-watch", name)))


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ({"url": "ftp://x"}, "remote_tools.merchant-watch.url"),
        ({"url": "http://user@x/mcp"}, "remote_tools.merchant-watch.url"),
        ({"url": "http://x", "limit_ms": 1501}, "remote_tools.merchant-watch.limit_ms"),
        ({"url": "http://x", "tokn": "y"}, "remote_tools.merchant-watch.tokn"),
    ],
)
def test_a_bad_setting_is_refused_by_name(tool: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_settings(remote_tools={"merchant-watch": tool})


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (GOOD | {"listed": "yes"}, "watch_listed is str, not bool"),
        (GOOD | {"days": 1.5}, "watch_days is float, not int"),
        (GOOD | {"days": True}, "watch_days is bool, not int"),
        (GOOD | {"note": ["x"]}, "check_merchant.note is list"),
        (GOOD | {"days": 2**53}, "check_merchant.days is int, not text, a number in range"),
        (GOOD | {"days": 4111111111111111}, "check_merchant.days is a card number"),
        (GOOD | {"more": {}}, "the answer says nothing of more.score"),
        ({"listed": True}, "the answer says nothing of days"),
        (GOOD | {"note": "x" * (ANSWER_MAX + 1)}, "the server failed (MCP error -32700)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_not_declared_is_not_believed(
    server: WatchServer, deciding: Callable[..., App], plain: Make, answer: Any, says: str
) -> None:
    async def bad() -> Any:
        return answer

    with serving(server.app()) as url:
        app = deciding(url + "/mcp")
        server.answer = bad
        assert says in refused(app.engine.decide(plain()))
        app.close()


def test_null_is_not_known_and_whole_numbers_are_whole(
    server: WatchServer, deciding: Callable[..., App], plain: Make
) -> None:
    async def answer() -> Any:
        return GOOD | {"days": 3.0, "note": None}

    server.answer = answer
    with serving(server.app()) as url:
        decision = deciding(url + "/mcp").engine.decide(plain())
    assert (decision.decision, decision.reasons) == (Outcome.APPROVE, [])
    item = decision.evidence["merchant-watch"].items["check_merchant"]
    assert (item["days"], item["note"]) == (3, None)


def test_text_is_masked_and_cut(server: WatchServer, deciding: Callable[..., App], plain: Make) -> None:
    async def answer() -> Any:
        return GOOD | {"note": "card 4111 1111 1111 1111\n" + "x" * 10_000}

    server.answer = answer
    with serving(server.app()) as url:
        decision = deciding(url + "/mcp").engine.decide(plain())
    note = decision.evidence["merchant-watch"].items["check_merchant"]["note"]
    assert note.startswith("card **** **** **** 1111 x")
    assert len(note) == 500


def test_json_in_a_text_answer_is_read(server: WatchServer, deciding: Callable[..., App], plain: Make) -> None:
    source = SOURCE.replace("tool: check_merchant", "tool: check_in_words").replace(", amount: amount", "")
    with serving(server.app()) as url:
        assert deciding(url + "/mcp", source=source).engine.decide(plain()).score == 50


def test_a_required_argument_that_is_not_given_is_not_asked_for(
    server: WatchServer, deciding: Callable[..., App], plain: Make
) -> None:
    source = SOURCE.replace("{merchant: merchant, amount: amount}", "{merchant: merchant_category, amount: amount}")
    with serving(server.app()) as url:
        app = deciding(url + "/mcp", source=source)
        assert app.engine.decide(plain(merchant_category="Shops")).score == 50  # connected now
        decision = app.engine.decide(plain())
    assert decision.decision is Outcome.APPROVE
    assert decision.evidence["merchant-watch"].items == {"check_merchant": {"status": "not_given"}}
    assert len(server.received) == 1


def test_a_tool_that_fails_is_missing_or_late_lets_nothing_pass(
    server: WatchServer, deciding: Callable[..., App], plain: Make
) -> None:
    async def fails() -> Any:
        raise ToolError("secret detail")

    async def late() -> Any:
        await anyio.sleep(3)

    with serving(server.app()) as url:
        missing = deciding(url + "/mcp", source=SOURCE.replace("tool: check_merchant", "tool: nothing"))
        assert "the server offers no tool nothing" in refused(missing.engine.decide(plain()))
        missing.close()
        app = deciding(url + "/mcp", limit_ms=1000)
        decide_until(app, plain, Outcome.REVIEW)
        server.answer = fails
        error = refused(app.engine.decide(plain()))
        assert error == "failed: the tool answered with an error"
        server.answer = late
        began = time.perf_counter()
        assert refused(app.engine.decide(plain())).endswith("no answer within 1000 ms")
        assert time.perf_counter() - began < 5
        server.answer = WatchServer().answer
        assert app.engine.decide(plain()).score == 50
        app.close()


def test_an_optional_server_that_fails_is_done_without(deciding: Callable[..., App], plain: Make) -> None:
    source = SOURCE.replace("    mcp:", "    optional: true\n    mcp:")
    decision = deciding(f"http://127.0.0.1:{free_port()}/mcp", source=source).engine.decide(plain())
    assert decision.decision is Outcome.APPROVE
    assert decision.evidence["merchant-watch"].status == "unavailable"


def test_a_refund_waits_for_the_evidence_too(deciding: Callable[..., App], plain: Make) -> None:
    app = deciding(f"http://127.0.0.1:{free_port()}/mcp")
    refund = plain(transaction_type="refund", original_transaction_id="T-before")
    assert "cannot be reached (ConnectError)" in refused(app.engine.decide(refund))


def test_a_server_that_comes_up_later_is_found(server: WatchServer, deciding: Callable[..., App], plain: Make) -> None:
    port = free_port()
    app = deciding(f"http://127.0.0.1:{port}/mcp", rules=LISTED.replace("weight: 50", "weight: 60"))
    assert "cannot be reached" in refused(app.engine.decide(plain()))
    refused(app.engine.decide(plain()))  # known to be away
    with serving(server.app(), port=port):
        give_up_at = time.monotonic() + 20
        while app.engine.decide(plain()).score != 60:
            assert time.monotonic() < give_up_at
        app.close()


@contextmanager
def process(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a process of its own."""
    started = subprocess.Popen([sys.executable, "-m", "tests.own.watch_server", str(port)])
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def test_a_server_killed_and_started_again_in_mid_run(deciding: Callable[..., App], plain: Make) -> None:
    port = free_port()
    app = deciding(f"http://127.0.0.1:{port}/mcp")

    def until(score: int) -> None:
        give_up_at = time.monotonic() + 60
        while app.engine.decide(plain()).score != score:
            assert time.monotonic() < give_up_at

    with process(port) as first:
        until(50)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        until(40)
    with process(port):
        until(50)
    app.close()


def test_a_session_that_the_server_forgot_is_opened_anew(deciding: Callable[..., App], plain: Make) -> None:
    port = free_port()
    app = None
    for _ in range(2):  # the second server knows nothing of the first one's sessions
        with serving(WatchServer(stateless=False).app(), port=port) as url:
            app = app or deciding(url + "/mcp")
            give_up_at = time.monotonic() + 20
            while app.engine.decide(plain()).score != 50:
                assert time.monotonic() < give_up_at
    assert app is not None
    app.close()


def test_decisions_at_the_same_time_share_the_connection(
    server: WatchServer, deciding: Callable[..., App], plain: Make
) -> None:
    with serving(server.app()) as url:
        app = deciding(url + "/mcp")
        assert app.engine.decide(plain()).score == 50
        rows = [plain(merchant=f"Shop {n}", customer_id=f"C-{n % 5}") for n in range(40)]
        with ThreadPoolExecutor(8) as threads:
            scores = [decision.score for decision in threads.map(app.engine.decide, rows)]
        app.close()
    assert scores == [50] * 40
    asked = [call["arguments"]["merchant"] for call in server.received[1:]]
    assert sorted(asked) == sorted(row["merchant"] for row in rows)


def test_calls_that_fail_disturb_no_others(server: WatchServer, deciding: Callable[..., App], plain: Make) -> None:
    """Late calls are given up and too large ones break the connection, while good ones go on beside them."""
    turn = iter(range(1_000))

    async def mixed() -> Any:
        n = next(turn)
        if n % 4 == 1:
            await anyio.sleep(2)
        return GOOD | ({"note": "x" * (ANSWER_MAX + 1)} if n % 4 == 2 else {})

    server.answer = mixed
    with serving(server.app()) as url:
        app = deciding(url + "/mcp", limit_ms=1000)
        with ThreadPoolExecutor(8) as threads:
            decisions = list(threads.map(lambda _: app.engine.decide(plain()), range(32)))
        server.answer = WatchServer().answer
        assert app.engine.decide(plain()).score == 50
        app.close()
    assert {decision.score for decision in decisions} == {40, 50}
    assert sum(decision.score == 50 for decision in decisions) >= 12


def test_a_redirect_elsewhere_is_not_followed(server: WatchServer, deciding: Callable[..., App], plain: Make) -> None:
    async def away(_: object) -> Response:
        return RedirectResponse(target + "/mcp", status_code=307)

    with serving(server.app()) as target, serving(Starlette(routes=[Route("/mcp", away, methods=["POST"])])) as url:
        app = deciding(url + "/mcp")
        assert refused(app.engine.decide(plain())) == "failed: the server cannot be reached (HTTP 307)"
        app.close()
    assert server.headers == []


def test_no_proxy_of_the_environment_is_used(
    server: WatchServer, deciding: Callable[..., App], plain: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving(server.app()) as url:
        assert deciding(url + "/mcp").engine.decide(plain()).score == 50


def test_a_retry_is_answered_without_asking_again(
    server: WatchServer, deciding: Callable[..., App], plain: Make
) -> None:
    with serving(server.app()) as url:
        app, row = deciding(url + "/mcp"), plain()
        assert app.engine.decide(row).decision_id == app.engine.decide(row).decision_id
    assert len(server.received) == 1


def test_reload_and_close_leave_no_thread_and_no_connection(
    server: WatchServer, deciding: Callable[..., App], plain: Make, tmp_path: Path
) -> None:
    before = set(threading.enumerate())
    with serving(server.app()) as url:
        app = deciding(url + "/mcp")
        assert app.engine.decide(plain()).score == 50
        first = app.engine.book
        written(tmp_path, SOURCE.replace("meaning: why it is watched", "meaning: why"))
        second = app.watch.reload(actor="test")
        assert second is not first
        assert app.engine.decide(plain()).score == 50
        written(tmp_path, SOURCE.replace("merchant-watch", "other-watch"))
        with pytest.raises(PolicyError, match="remote_tools says no address"):
            app.watch.reload(actor="test")
        assert app.engine.decide(plain()).score == 50
        app.close()
    give_up_at = time.monotonic() + 10
    while left := [t.name for t in set(threading.enumerate()) - before if t.name.startswith("fraudray-")]:
        assert time.monotonic() < give_up_at, left
        time.sleep(0.01)
