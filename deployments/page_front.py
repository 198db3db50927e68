"""What HAProxy is told of the analysts' page: the paths that go there, and what it answers while the page is not up."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from pathlib import Path

from fraudray.deployments.paths import API_PATHS

BACKEND = "fraudray_page"
_STREAM_S = 3600
"""How long a stream may be silent: the page's own sends a sign of life every 15 s."""
_STATUSES = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}

_RULES = f"""\
    acl fraudray_api path {" ".join(API_PATHS)}
    acl fraudray_api path_beg {" ".join(path + "/" for path in API_PATHS)}
    use_backend {BACKEND} if !fraudray_api
"""


def write_page_front(run_dir: Path, port: int | None) -> tuple[Path, str]:
    """The file with the rules that choose the page on that port of loopback, and the section that says where it is.

    Both are empty without a port. Serve writes its own rules for choosing after the place of these: the first counts.
    """
    rules = run_dir / "page-rules.cfg"
    rules.write_text("" if port is None else _RULES, encoding="utf-8")
    return rules, "" if port is None else _backend(run_dir, port)


def _backend(run_dir: Path, port: int) -> str:
    lines = [
        f"backend {BACKEND}",
        "    http-reuse always",
        # Not up yet, or started anew: say so at once, and let the browser ask again.
        "    retries 0",
        f"    timeout server {_STREAM_S}s",
        f"    timeout tunnel {_STREAM_S}s",
        f"    server page 127.0.0.1:{port}",
    ]
    for status, title in _STATUSES.items():
        path = run_dir / f"page-{status}.http"
        path.write_bytes(_waiting(status, title))
        lines.append(f"    errorfile {status} {path}")
    return "\n".join(lines) + "\n"


def _waiting(status: int, title: str) -> bytes:
    page = resources.files("fraudray.deployments").joinpath("page_waiting.html").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        f"style-src {_digest(page, 'style')}; script-src {_digest(page, 'script')}"
    )
    body = page.encode()
    head = (
        f"HTTP/1.1 {status} {title}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Retry-After: 1",
        f"Content-Security-Policy: {policy}",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _digest(page: str, element: str) -> str:
    """The one inline `element` of the page, as a Content-Security-Policy names it."""
    (inline,) = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
