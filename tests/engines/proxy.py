"""A network between a client and a real server, which can break where a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Forwards connections to a server on 127.0.0.1."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._break_at: bytes | None = None
        self.broke = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def break_after(self, request: bytes) -> None:
        """When a client next sends `request`, the server gets it, and its answer is lost with the connection."""
        self.broke.clear()
        self._break_at = request

    def hang_up(self) -> None:
        """Drop every client; the server's ends stay open, as after a cable was pulled."""
        for client, _ in self._pairs:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        self._listener.close()
        for pair in self._pairs:
            for end in pair:
                end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target_port))
                self._pairs.append((client, server))
                broken = threading.Event()
                threading.Thread(target=self._requests, args=(client, server, broken), daemon=True).start()
                threading.Thread(target=self._answers, args=(client, server, broken), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, broken: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._break_at is not None and self._break_at in data:
                    self._break_at = None
                    broken.set()
                server.sendall(data)

    def _answers(self, client: socket.socket, server: socket.socket, broken: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if broken.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    server.close()
                    self.broke.set()
                    return
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy to that port for the length of a block."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
