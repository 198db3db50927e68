"""Keys from the command line, and the command line beside a server that wants them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.errors import Forbidden, SettingsError, Unauthenticated
from fraudray.settings import load_settings
from tests.tools.serving import serving

from .support import Cli, payment


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A server that owns `folder` and says so, as `fraudray serve` does."""
    with serving(build_gateway(App(load_settings(data_dir=folder)))) as address:
        (folder / "server.json").write_text(json.dumps({"url": address}))
        yield address
        (folder / "server.json").unlink()


def test_a_key_is_made_shown_once_listed_and_revoked(cli: Cli) -> None:
    made = cli(
        "keys", "create", "checkout", "--scope", "decide", "--scope", "read", "--expires", "90d", "--author", "Bo"
    )
    assert made.code == 0, made.err
    text = made.out.split()[0]
    assert text.startswith("frk_")
    assert "until 20" in made.out
    assert "not shown again" in made.out

    listed = cli("keys", "list")
    assert "checkout" in listed.out
    assert "decide, read" in listed.out
    assert "active" in listed.out
    assert text not in listed.out + cli("keys", "list", "--json").out + cli("audit", "list", "--json").out

    (entry,) = cli("keys", "list", "--json").json["keys"]
    assert entry["created_by"] == "Bo"
    assert cli("keys", "revoke", entry["key_id"], "--author", "Ana").out == f"The key {entry['key_id']} is revoked.\n"
    assert cli("keys", "list", "--json").json["keys"][0]["revoked_by"] == "Ana"
    assert cli("keys", "revoke", entry["key_id"]).code == 4


def test_json_has_the_key_and_nothing_else_is_printed(cli: Cli) -> None:
    made = cli("keys", "create", "x", "--scope", "admin", "--json").json
    assert made["key"].startswith(f"frk_{made['key_id']}_")
    assert made["expires_at"] is None


def test_a_key_may_expire_at_the_end_of_a_day(cli: Cli) -> None:
    made = cli("keys", "create", "x", "--scope", "read", "--expires", "2199-01-31", "--json").json
    assert made["expires_at"] == "2199-02-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("create", "x"), 2, "scopes: is needed"), (("create", "x", "--scope", "root"), 2, "scopes.0: is no scope"),
        (("create", "", "--scope", "read"), 2, "name: is needed"), (("create", "a/b", "--scope", "read"), 2, "name: "),
        (("create", "x", "--scope", "read", "--expires", "2020-01-01T00:00:00Z"), 2, "expires: lies in the past"),
        (("create", "x", "--scope", "read", "--expires", "soon"), 2, "expires: is no date"),
        (("revoke", "nothing"), 3, "no key nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(cli: Cli, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = cli("keys", *arguments)
    assert ran.code == code
    assert said in ran.err
    assert cli("keys", "list").out == "There are no keys.\n"


def test_beside_a_server_with_keys_whoever_can_read_its_folder_needs_none(
    cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(data):
        text = cli("keys", "create", "reader", "--scope", "read", "--json").json["key"]
        assert cli("decide", "-", "--json", "--no-wait", stdin=json.dumps(payment(1))).code == 0
        assert cli("customers", "hold", "C-45678", "--reason", "court", "--author", "Ana").code == 0
        assert cli("audit", "list", "--json").json["entries"][0]["actor"] == "Ana"

        # A key that is set stands in the place of the token.
        monkeypatch.setenv("FRAUDRAY_API_KEY", text)
        assert cli("cases", "list").code == 0
        refused = cli("customers", "hold", "C-45678", "--reason", "court")
        assert refused.code == 4
        assert "the key reader lacks the scope admin" in refused.err
        monkeypatch.setenv("FRAUDRAY_API_KEY", "frk_0_x")
        unknown = cli("cases", "list")
        assert unknown.code == 4
        assert "the key is not valid" in unknown.err
        assert "FRAUDRAY_API_KEY" in unknown.err
        monkeypatch.setenv("FRAUDRAY_API_KEY", "schlüssel")
        assert cli("cases", "list").code == 2
        assert text not in cli("config", "show").out


def test_python_beside_the_server_and_elsewhere(cli: Cli, data: Path) -> None:
    from fraudray import Engine

    with server(data) as address:
        text = cli("keys", "create", "checkout", "--scope", "decide", "--json").json["key"]
        with Engine.from_settings(data_dir=data) as engine:
            assert engine.decide(payment(1)).transaction_id == "T-1"
        with Client(address, key=text) as client:
            assert client.decide(payment(2)).transaction_id == "T-2"
            with pytest.raises(Forbidden, match="lacks the scope read"):
                client.cases()
            with pytest.raises(Forbidden, match="lacks the scope admin"):
                client.keys.list()
        with Client(address) as stranger, pytest.raises(Unauthenticated, match="a key is needed"):
            stranger.cases()
    with pytest.raises(SettingsError, match="api_key is not a key"):
        Client("http://127.0.0.1:9", key="two words")


def test_bench_sends_the_key_and_never_the_token_to_another_server(
    cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[bytes, bytes]] = []

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            heard.append(dict(scope["headers"]))
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    bench = ("bench", "http", "--seconds", "2", "--connections", "2", "--json")  # some answers on any machine
    with server(data) as address:
        text = cli("keys", "create", "load", "--scope", "decide", "--json").json["key"]
        for more in ((), ("--url", address)):
            ran = cli(*bench, *more)
            assert ran.json["decisions"]["statuses"].keys() == {"201"}, ran.out
        with serving(listening) as elsewhere:
            cli(*bench, "--url", elsewhere)
            assert heard
            assert all(b"authorization" not in headers for headers in heard)
            monkeypatch.setenv("FRAUDRAY_API_KEY", text)
            heard.clear()
            cli(*bench, "--url", elsewhere)
            assert {headers[b"authorization"] for headers in heard} == {f"Bearer {text}".encode()}
        assert cli(*bench, "--url", address).json["baseline"]["statuses"].keys() == {"200"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", ""])
def test_serving_beyond_loopback_without_a_key_is_refused(process: Cli, data: Path, host: str) -> None:
    for ran in (process("serve", "--host", host), process("serve", FRAUDRAY_HOST=host)):
        assert ran.code == 2
        assert "is not a loopback address" in ran.err
        assert "fraudray keys create NAME --scope admin" in ran.err
        assert not data.exists()


def test_a_key_that_is_expired_or_revoked_opens_no_other_address(process: Cli, cli: Cli) -> None:
    made = cli("keys", "create", "x", "--scope", "admin", "--json").json
    cli("keys", "revoke", made["key_id"])
    assert process("serve", "--host", "0.0.0.0").code == 2
