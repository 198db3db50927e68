"""A real HTTP server between a copy and moto's S3: counts what is asked for, holds answers back, and spoils them."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HELD_S_MAX = 120.0
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Gate:
    """Counts GETs of one key. From the `hold_from`-th on (1 is the first) they wait until `open` is called."""

    def __init__(self, behind_port: int, key: str) -> None:
        self._behind_port, self._key = behind_port, key
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self.reached = threading.Event()
        """Set once an answer is held back."""
        self.hold_from: int | None = None
        self.ranges: list[str] = []
        """The Range header of each GET of the key, in their order."""
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

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                ours = self.path.split("?")[0].endswith(f"/{gate._key}")
                if ours and self.command == "GET":
                    gate._counted(self.headers.get("range", ""))
                connection = http.client.HTTPConnection("127.0.0.1", gate._behind_port, timeout=30)
                connection.request(self.command, self.path, headers=dict(self.headers))
                passed = connection.getresponse()
                body = passed.read()
                spoilt = gate.spoil(body) if ours and passed.status < 300 else body
                promise, gate.promise = (gate.promise, 0) if ours else (0, gate.promise)
                self.send_response(passed.status)
                for name, value in passed.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                length = len(spoilt) + promise if self.command == "GET" else passed.headers.get("content-length", "0")
                self.send_header("content-length", str(length))
                self.end_headers()
                self.wfile.write(spoilt)
                self.close_connection = promise > 0

            do_HEAD = do_GET  # noqa: N815 - the names that the server calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler
