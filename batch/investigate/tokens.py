"""The model's own tokenizer and chat template."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fraudray.agent.thinking import parted
from fraudray.llm.serving import LlmServing
from fraudray.ports.llm import Message

_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
"""What vLLM's server takes from a model's generation_config.json where a request does not say it."""


@lru_cache(maxsize=1)
def tokenizer_of(source: str) -> Any:
    """A worker's own, loaded once."""
    from transformers import AutoTokenizer  # type: ignore[import-not-found, unused-ignore]

    return AutoTokenizer.from_pretrained(source)


@lru_cache(maxsize=32)
def prompt_tokens(source: str, messages: tuple[Message, ...]) -> tuple[int, ...]:
    """Messages as the model reads them, up to where it is to write. Those counted last are kept: what fits is asked."""
    tokenizer = tokenizer_of(source)
    conversation = [{"role": message.role, "content": message.content} for message in messages]
    text = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def thinking_tokens(source: str, text: str) -> int:
    """How many tokens of an answer come before the end of its thinking; 0 where it does not think."""
    thinking, _ = parted(text)
    return len(tokenizer_of(source)(thinking, add_special_tokens=False)["input_ids"])


def sampling_of(serving: LlmServing, temperature: float | None) -> dict[str, Any]:
    """How the model draws, as its server would have it."""
    from transformers import GenerationConfig  # type: ignore[import-not-found, unused-ignore]

    found: dict[str, Any] = {}
    if serving.engine_arguments().get("generation_config") == "auto":
        try:
            config = GenerationConfig.from_pretrained(serving.model_source)
        except OSError:  # it has none
            pass
        else:
            found = {name: value for name, value in config.to_diff_dict().items() if name in _SAMPLING}
    return found if temperature is None else found | {"temperature": temperature}
