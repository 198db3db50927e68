"""Amazon's services as moto's HTTP server plays them, and a real server that refuses before it lets through."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import httpx

START_S_MAX = 60
REGION = "eu-west-1"


class Moto:
    """A running moto server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def client(self, service: str) -> Any:
        """A client to arrange things with."""
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="arranging",
            aws_secret_access_key="things",
        )  # fmt: skip

    def reset(self) -> None:
        """Forget everything."""
        httpx.post(self.url + "/moto-api/reset", timeout=30).raise_for_status()

    def mails(self) -> list[bytes]:
        """The raw messages that SES took."""
        stored = self._data()["ses"]["RawMessage"]
        return [entry["raw_data"].encode() for entry in stored]

    def texts(self) -> list[tuple[str, str]]:
        """The SMS that SNS took: number and text."""
        return [(entry["phone_number"], entry["message"]) for entry in self._data()["sns"]["SMS"]]

    def _data(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(self.url + "/moto-api/data.json", timeout=30).json()
        return found


@contextmanager
def running_moto() -> Iterator[Moto]:
    """The server as a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        moto = Moto(probe.getsockname()[1])
    program = Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(moto.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        give_up_at = time.monotonic() + START_S_MAX
        while True:
            try:
                moto.reset()
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.05)
        yield moto
    finally:
        process.terminate()
        process.wait(10)


class Throttle:
    """An HTTP server in front of another that refuses the first requests, as AWS does under load."""

    def __init__(self, behind: Moto) -> None:
        self.refusals: list[tuple[int, str]] = []
        """Status and code of what is refused next, first in first out."""
        self.requests = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(behind))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self, behind: Moto) -> type[BaseHTTPRequestHandler]:
        throttle = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._pass(self.rfile.read(int(self.headers.get("content-length", 0))))

            do_PUT = do_POST  # noqa: N815 - the names that the server calls

            def _pass(self, body: bytes) -> None:
                throttle.requests += 1
                if throttle.refusals:
                    status, code = throttle.refusals.pop(0)
                    answer, kind = _refusal(code, json_spoken="/v2/email" in self.path)
                    self._answer(status, kind, answer, code)
                    return
                connection = http.client.HTTPConnection("127.0.0.1", behind.port, timeout=30)
                connection.request(self.command, self.path, body, dict(self.headers))
                passed = connection.getresponse()
                self._answer(passed.status, passed.headers.get("content-type", "text/plain"), passed.read(), None)

            def _answer(self, status: int, kind: str, body: bytes, code: str | None) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                if code is not None:
                    self.send_header("x-amzn-errortype", code)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler


def _refusal(code: str, *, json_spoken: bool) -> tuple[bytes, str]:
    if json_spoken:
        return json.dumps({"message": "slow down", "__type": code}).encode(), "application/json"
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>slow down</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode(), "text/xml"
