"""A real HTTP server between a copy and moto's S3: counts what is asked for and sent, holds it back, and spoils it."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

HELD_S_MAX = 120.0
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Gate:
    """Counts GETs of one key. From the `hold_from`-th on (1 is the first) they wait until `open` is called.

    PUTs of `hold_sent` wait as well, and go no further when who sent them is gone by then.
    """

    def __init__(self, behind_port: int, key: str) -> None:
        self._behind_port, self._key = behind_port, key
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self.reached = threading.Event()
        """Set once an answer is held back."""
        self.hold_from: int | None = None
        self.ranges: list[str] = []
        """The Range header of each GET of the key, in their order."""
        self.hold_sent: str | None = None
        self.sent: list[str] = []
        """The key of each PUT, in their order; that of a file in parts once for each part."""
        self.refusals: dict[str, str] = {}
        """The code of S3's error that requests of a method are answered with."""
        self.spoil: Callable[[bytes], bytes] = lambda body: body
        """What becomes of the answers' bodies."""
        self.promise: int = 0
        """So many bytes more than they have are promised by the answers' headers, then the connection is closed."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def open(self) -> None:
        """Let all through that is held back, and all that follows."""
        self._opened.set()

    def close(self) -> None:
        """Stop."""
        self.open()
        self._server.shutdown()
        self._server.server_close()

    def _counted(self, asked: str) -> None:
        with self._lock:
            self.ranges.append(asked)
            held = self.hold_from is not None and len(self.ranges) >= self.hold_from
        if held:
            self.reached.set()
            self._opened.wait(HELD_S_MAX)

    def _goes_on(self, key: str, sender: socket.socket) -> bool:
        with self._lock:
            self.sent.append(key)
        if key != self.hold_sent:
            return True
        self.reached.set()
        self._opened.wait(HELD_S_MAX)
        try:
            return bool(sender.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True  # it waits for the answer
        except ConnectionError:
            return False

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                carried = self.rfile.read(int(self.headers.get("content-length", 0)))
                key = unquote(urlsplit(self.path).path).split("/", 2)[-1]
                ours = key == gate._key and self.command in {"GET", "HEAD"}
                if ours and self.command == "GET":
                    gate._counted(self.headers.get("range", ""))
                if self.command == "PUT" and not gate._goes_on(key, self.connection):
                    self.close_connection = True
                    return
                if self.command in gate.refusals:
                    self._refuse(gate.refusals[self.command])
                    return
                connection = http.client.HTTPConnection("127.0.0.1", gate._behind_port, timeout=30)
                connection.request(self.command, self.path, carried, dict(self.headers))
                passed = connection.getresponse()
                body = passed.read()
                spoilt = gate.spoil(body) if ours and passed.status < 300 else body
                promise, gate.promise = (gate.promise, 0) if ours else (0, gate.promise)
                self.send_response(passed.status)
                for name, value in passed.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                length = passed.headers.get("content-length", "0") if self.command == "HEAD" else len(spoilt) + promise
                self.send_header("content-length", str(length))
                self.end_headers()
                self.wfile.write(spoilt)
                self.close_connection = promise > 0

            do_HEAD = do_PUT = do_POST = do_GET  # noqa: N815 - the names that the server calls

            def _refuse(self, code: str) -> None:
                answer = f"<Error><Code>{code}</Code><Message>not for you</Message></Error>".encode()
                self.send_response(403)
                self.send_header("content-type", "application/xml")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler
