"""The start script in front of HAProxy: what it makes of the configuration that Serve writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fraudray.deployments.haproxy_front import write_haproxy_front

CONFIG = """\
defaults
    errorfile 503 /nowhere
    option splice-request
    option splice-response
frontend prometheus
    bind :9101
frontend http_frontend
    bind {public}:8000
listen stats
  bind *:8404
"""


def adapted(tmp_path: Path, host: str, public: str) -> list[str]:
    """The lines that bind, after the script ran twice on a configuration: at a start and at a check of the same."""
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG.format(public=public))
    script = write_haproxy_front(tmp_path, host, 8000)
    for _ in range(2):
        ran = subprocess.run([script, "-f", config, "-v"], capture_output=True, text=True, timeout=20, check=True)
        assert "HAProxy" in ran.stdout
    assert "/nowhere" not in config.read_text()
    assert "splice-request" not in config.read_text()
    assert "splice-response" in config.read_text()
    return [line.strip() for line in config.read_text().splitlines() if " bind " in line]


@pytest.mark.parametrize(
    ("host", "written", "listens"),
    [
        ("127.0.0.1", "127.0.0.1", "bind 127.0.0.1:8000"), ("0.0.0.0", "*", "bind *:8000"),
        ("::", "*", "bind :::8000 v4v6"), ("10.0.0.5", "10.0.0.5", "bind 10.0.0.5:8000"),
    ],
)  # fmt: skip
def test_only_the_public_port_is_ever_reached_from_outside(
    tmp_path: Path, host: str, written: str, listens: str
) -> None:
    assert adapted(tmp_path, host, written) == ["bind 127.0.0.1:9101", listens, "bind 127.0.0.1:8404"]
