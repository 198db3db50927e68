"""The model that is made on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudray.llm.tiny_model import CONTEXT_TOKENS, WARNING, ensure_tiny_model, write_tiny_model

pytestmark = pytest.mark.slow


def test_it_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write_tiny_model(folder)

    names = sorted(path.name for path in first.iterdir())
    assert "model.safetensors" in names
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_it_is_made_once_and_says_what_it_is(tmp_path: Path) -> None:
    made = ensure_tiny_model(tmp_path / "models")
    (made / "mark").touch()

    assert ensure_tiny_model(tmp_path / "models") == made
    assert (made / "mark").exists()
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    assert WARNING in (made / "README.md").read_text()


def test_its_chat_opens_the_reasoning_and_keeps_tools_and_turns_apart(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(ensure_tiny_model(tmp_path)))
    call = {"type": "function", "id": "1", "function": {"name": "history", "arguments": {"days": 3}}}
    text = tokenizer.apply_chat_template(
        [
            {"role": "system", "content": "Investigate."},
            {"role": "user", "content": [{"type": "text", "text": "Is it fraud?"}]},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "nothing", "tool_call_id": "1"},
        ],
        tools=[{"type": "function", "function": {"name": "history", "parameters": {"type": "object"}}}],
        add_generation_prompt=True,
        tokenize=False,
    )

    assert text.endswith("<|im_start|>assistant\n<think>\n")
    assert '<tool_call>{"name": "history", "arguments": {"days": 3}}</tool_call>' in text
    assert text.index('"name": "history", "parameters"') < text.index("Investigate.") < text.index("Is it fraud?")
    assert len(tokenizer("</think>").input_ids) == 1
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert tokenizer.model_max_length == CONTEXT_TOKENS
