"""What `fraudray serve --llm …` and its settings choose."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraudray.deployments.command import app
from fraudray.deployments.llm_choice import llm_settings, model_lines, with_served_model
from fraudray.domain.errors import SettingsError
from fraudray.llm.laptop import laptop_serving, model_of
from fraudray.settings import load_settings


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder, as far as it is looked at before an engine loads it."""
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def test_a_url_is_an_endpoint_and_all_else_a_model_to_serve(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)

    assert llm_settings(None) == {}
    assert llm_settings("https://llm.example.com/v1") == {"llm_url": "https://llm.example.com/v1"}
    assert llm_settings("tiny") == {"llm_serve": "tiny"}
    assert llm_settings("my-model") == {"llm_serve": str(model)}


def test_a_folder_is_served_under_its_name_on_the_processor(model: Path, tmp_path: Path) -> None:
    serving = laptop_serving(str(model), tmp_path)

    assert (serving.model_id, serving.model_source, serving.accelerator) == ("my-model", str(model), "cpu")
    assert serving.reasoning_parser is None


def test_a_file_says_how_a_model_is_served(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "serving.yaml"
    file.write_text(f"model_id: mine\nmodel_source: {model}\naccelerator: cpu\nmax_model_len: 2048\n")

    assert laptop_serving(str(file), tmp_path).max_model_len == 2048
    assert model_of(str(file)) == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_id: [", "cannot read"),
        ("- a list", "valid dictionary"),
        ("model_id: m\nmodel_source: s\naccelerator: cpu", "max_model_len"),
        ("x: " + "y" * 70_000, "more than 65536 bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "serving.yaml"
    file.write_text(text)

    with pytest.raises(SettingsError, match=message) as caught:
        model_of(str(file))
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_place_without_a_model_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"neither `tiny`, a model's folder \(with config.json\) nor a file"):
        model_of(str(tmp_path / place))


def test_a_model_to_serve_and_an_endpoint_exclude_each_other() -> None:
    with pytest.raises(SettingsError, match="llm_serve, llm_url, llm_app"):
        with_served_model(load_settings(llm_serve="tiny", llm_url="http://127.0.0.1:1/v1"))


def test_without_either_nothing_changes_and_nothing_is_said() -> None:
    settings = load_settings()

    assert with_served_model(settings) is settings
    assert model_lines(settings) == []


def test_where_vllm_is_missing_the_way_to_it_is_shown_before_ray_starts(tmp_path: Path) -> None:
    assert importlib.util.find_spec("vllm") is None  # these tests run where it is not

    result = CliRunner().invoke(app, ["--llm", "tiny", "--data-dir", str(tmp_path / "data")])

    assert result.exit_code == 2
    assert "make run-llm" in result.output


def test_an_endpoint_is_shown_with_its_model() -> None:
    settings = load_settings(llm_url="https://llm.example.com/v1", llm_model="r1")

    assert model_lines(settings) == ["  model         r1 at https://llm.example.com/v1"]
