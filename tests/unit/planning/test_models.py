"""Shapes of models: sums of parameters and bytes, and reading a `config.json`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fraudray.cli.exits import InputError
from fraudray.deployments.planning.hardware import GIB
from fraudray.deployments.planning.models import KNOWN, find_model, read_shape

QWEN_32B = {
    "model_type": "qwen2", "num_hidden_layers": 64, "hidden_size": 5120, "num_attention_heads": 40,
    "num_key_value_heads": 8, "intermediate_size": 27648, "vocab_size": 152064, "tie_word_embeddings": False,
}  # fmt: skip


def folder(tmp_path: Path, **config: Any) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


@pytest.mark.parametrize(("name", "billions"), [
    ("deepseek-r1-distill-qwen-32b", 32.8), ("deepseek-r1-distill-qwen-14b", 14.8),
    ("deepseek-r1-distill-qwen-7b", 7.6), ("fraudray-tiny", 0.0013),
])  # fmt: skip
def test_the_parameters_of_a_known_model_add_up_to_what_its_card_says(name: str, billions: float) -> None:
    assert KNOWN[name].parameters / 1e9 == pytest.approx(billions, rel=0.04 if billions < 1 else 0.005)


def test_a_config_file_gives_the_shape_of_the_known_model(tmp_path: Path) -> None:
    read = read_shape(folder(tmp_path, **QWEN_32B))

    known = KNOWN["deepseek-r1-distill-qwen-32b"]
    assert read == replace(known, name=tmp_path.name, source=str(tmp_path / "config.json"))
    assert find_model(str(tmp_path)) == read


def test_a_model_is_found_by_its_name_on_the_hub() -> None:
    assert find_model("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B") is KNOWN["deepseek-r1-distill-qwen-32b"]


def test_tied_embeddings_count_once_and_heads_of_a_size_of_their_own_are_taken(tmp_path: Path) -> None:
    plain = read_shape(folder(tmp_path, **QWEN_32B))
    tied = read_shape(folder(tmp_path, **QWEN_32B | {"tie_word_embeddings": True}))
    wide = read_shape(folder(tmp_path, **QWEN_32B | {"head_dim": 256}))

    assert plain.parameters - tied.parameters == 152064 * 5120
    assert wide.kv_bytes == 2 * plain.kv_bytes


def test_four_bit_weights_keep_the_embedding_and_head_in_sixteen() -> None:
    model = KNOWN["deepseek-r1-distill-qwen-32b"]

    assert model.weight_bytes("int4") / GIB == pytest.approx(18.0, abs=0.05)
    assert model.weight_bytes("bf16") == 2 * model.parameters


@pytest.mark.parametrize(("changes", "said"), [
    ({"num_hidden_layers": None}, "num_hidden_layers is missing"),
    ({"num_hidden_layers": "64"}, "num_hidden_layers is '64'"),
    ({"vocab_size": 0}, "vocab_size is 0"),
    ({"num_attention_heads": True}, "num_attention_heads is True"),
    ({"num_attention_heads": 48}, "say head_dim"),
    ({"num_experts": 64}, "mixture of experts"),
])  # fmt: skip
def test_a_config_file_that_cannot_be_used_is_told_by_the_field(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read_shape(folder(tmp_path, **QWEN_32B | changes))


@pytest.mark.parametrize(("text", "said"), [("[1]", "not one JSON object"), ("{", "not JSON")])
def test_a_file_that_is_no_configuration_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=said):
        read_shape(tmp_path)


def test_an_unknown_model_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="deepseek-r1-distill-qwen-32b"):
        find_model("no-such-model")
    with pytest.raises(InputError, match="cannot read"):
        find_model(str(tmp_path))
