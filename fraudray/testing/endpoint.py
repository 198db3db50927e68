"""A real OpenAI-compatible HTTP endpoint on loopback that says what a script says: for tests over a real connection.

with ModelEndpoint(lambda body: says(verdict("REVIEW", 50))) as endpoint:
    ...  # ask endpoint.url, look at endpoint.requests
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import Any, Final, Self

import orjson

MODEL: Final = "scripted"
HOLD: Final = object()
"""In a reply: say nothing more until the client leaves or the endpoint closes."""
CUT: Final = object()
"""In a reply: close the connection in the middle of the stream."""
BODY_MAX = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: what is streamed, each piece a chunk's document or raw text, HOLD or CUT; or an HTTP error."""

    pieces: Sequence[Any] = ()
    status: int = 200
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[dict[str, Any]], Reply]


class ModelEndpoint:
    """Serves `/v1/models` and `/v1/chat/completions`, with and without streaming. A context manager."""

    def __init__(self, script: Script, *, model: str = MODEL) -> None:
        """`script` answers each request's body; another model's name gets 404, as vLLM answers it."""
        self.model, self._script = model, script
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        """Of each request, by names in lower case."""
        self.left = threading.Event()
        """Set when a client has left in the middle of an answer."""
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Its address, ending in `/v1`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def reply(self, body: dict[str, Any]) -> Reply:
        """What a request gets."""
        self.requests.append(body)
        if body.get("model") != self.model:
            return Reply(status=404, error=f"The model `{body.get('model')}` does not exist.")
        return self._script(body)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def says(text: str, *, reasoning: str = "", tokens: tuple[int, int] = (100, 20), size: int = 7) -> Reply:
    """An answer in pieces of `size` characters; `tokens` are those of prompt and completion."""
    pieces: list[Any] = [chunk({"reasoning": part}) for part in _parts(reasoning, size)]
    pieces += [chunk({"content": part}) for part in _parts(text, size)]
    return Reply([*pieces, chunk({}, "stop"), usage(*tokens)])


def calls(*wanted: tuple[str, str]) -> Reply:
    """Tool calls: name and arguments (JSON) of each, the arguments in two pieces."""
    pieces: list[Any] = []
    for index, (name, arguments) in enumerate(wanted):
        half = len(arguments) // 2
        first = {"index": index, "id": f"call-{index}", "type": "function"}
        pieces.append(chunk({"tool_calls": [first | {"function": {"name": name, "arguments": arguments[:half]}}]}))
        pieces.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments[half:]}}]}))
    return Reply([*pieces, chunk({}, "tool_calls"), usage(100, 20)])


def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A chunk of a stream."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice]}


def usage(prompt: int, completion: int, cached: int = 0) -> dict[str, Any]:
    """The last chunk, with the count of tokens."""
    counted = {
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }  # fmt: skip
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [], "usage": counted}


def _parts(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _handler(endpoint: ModelEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._json(200, {"object": "list", "data": [{"id": endpoint.model, "object": "model"}]})

        def do_POST(self) -> None:
            length = min(int(self.headers.get("content-length") or 0), BODY_MAX)
            sent = self.rfile.read(length)
            if len(sent) < length:  # the client has left before it had said all
                self.close_connection = True
                return
            body: dict[str, Any] = orjson.loads(sent)
            endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = endpoint.reply(body)
            if reply.status != 200:
                error = {"message": reply.error, "type": "error", "code": reply.status}
                self._json(reply.status, {"error": error}, reply.headers)
            elif body.get("stream"):
                self._stream(reply)
            else:
                self._whole(reply)

        def _stream(self, reply: Reply) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.send_header("connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                for piece in chain(reply.pieces, ("[DONE]",)):  # one by one: a script may wait between two
                    if piece is CUT or (piece is HOLD and self._held()):
                        return
                    data = piece if isinstance(piece, str) else orjson.dumps(piece).decode()
                    self._chunk(f"data: {data}\n\n".encode())
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                endpoint.left.set()

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def _held(self) -> bool:
            """Wait until the client leaves or the endpoint closes."""
            while not endpoint.closing.is_set():
                if select.select([self.connection], [], [], 0.01)[0] and not self._peek():
                    endpoint.left.set()
                    break
            return True

        def _peek(self) -> bytes:
            try:
                data: bytes = self.connection.recv(1, socket.MSG_PEEK)
                return data
            except OSError:
                return b""

        def _whole(self, reply: Reply) -> None:
            if HOLD in reply.pieces and self._held():
                self.close_connection = True
                return
            said = "".join(
                str(choice["delta"].get("content") or "")
                for piece in reply.pieces
                if isinstance(piece, dict)
                for choice in piece["choices"]
            )
            choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
            document = {"id": "c", "object": "chat.completion", "created": 0, "model": endpoint.model}
            counted = [piece["usage"] for piece in reply.pieces if isinstance(piece, dict) and "usage" in piece]
            self._json(200, document | {"choices": [choice], "usage": counted[-1] if counted else None})

        def _json(self, status: int, document: Any, headers: Mapping[str, str] | None = None) -> None:
            data = orjson.dumps(document)
            self.send_response(status)
            for name, value in {"content-type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Quiet: a test says itself what matters."""

    return Handler
