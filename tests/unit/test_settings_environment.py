"""Settings as environment variables are read back as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudray.settings import Settings, load_settings, to_environment


def test_what_is_handed_to_another_process_is_what_it_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path, "llm_url": "http://127.0.0.1:9/v1", "llm_model": "m", "llm_extra": {"top_k": 5},
            "remote_tools": {"watch": {"url": "https://watch.example/mcp", "token": "t"}},
        }
    )  # fmt: skip
    for name, value in to_environment(settings).items():
        monkeypatch.setenv(name, value)

    read = load_settings()
    assert read.llm_extra == {"top_k": 5}
    assert read.remote_tools == settings.remote_tools
    assert read == settings
