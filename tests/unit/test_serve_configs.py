"""The Serve config files against Serve's own schema, and the arguments in them against ours.

What needs vLLM (the model's applications, the engine's arguments) is in tests/llm.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from ray import serve
from ray._common.utils import import_attr
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
from ray.serve.schema import ServeDeploySchema

from fraudray.deployments.llm import with_front
from fraudray.deployments.placement import check_placement
from fraudray.domain.errors import SettingsError
from fraudray.llm.serving import LlmServing

CONFIGS = Path(__file__).parents[2] / "deployments" / "configs"
FILES = sorted(path.name for path in CONFIGS.glob("*.yaml"))
GATEWAY = "fraudray.deployments.app:build_app"
LLM = "fraudray.deployments.llm:build_llm_app"


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONFIGS / name).read_text(encoding="utf-8"))
    return content


def arguments(name: str, import_path: str) -> dict[str, Any]:
    found: dict[str, Any] = next(app["args"] for app in read(name)["applications"] if app["import_path"] == import_path)
    return found


def test_every_promised_file_is_there() -> None:
    assert FILES == [
        "deepseek-r1-32b-p4d-single.yaml", "deepseek-r1-32b-p4d.yaml", "endpoint.yaml", "g6-12xlarge.yaml",
        "gateway.yaml", "laptop-llm.yaml", "laptop.yaml",
    ]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_serve_deploy_takes_and_its_arguments_are_ours(name: str) -> None:
    deploy = ServeDeploySchema.model_validate(read(name))

    assert deploy.applications[0].import_path == GATEWAY
    for app in deploy.applications:
        builder = import_attr(app.import_path)
        (parameter,) = inspect.signature(builder).parameters.values()
        assert issubclass(parameter.annotation, BaseModel)  # Serve checks `args` by it
        parameter.annotation.model_validate(app.args)


@pytest.mark.parametrize("name", FILES)
def test_the_gateway_of_each_file_is_built_with_its_settings_in_its_environment(name: str) -> None:
    args = arguments(name, GATEWAY)

    application = call_user_app_builder_with_args_if_necessary(import_attr(GATEWAY), args)

    options = application._bound_deployment.ray_actor_options
    names = {f"FRAUDRAY_{setting.upper()}" for setting in args.get("settings", {})}
    assert set(options["runtime_env"]["env_vars"]) == names


@pytest.mark.parametrize("name", [name for name in FILES if len(read(name)["applications"]) > 1])
def test_the_gateway_asks_the_model_that_is_served_beside_it(name: str) -> None:
    settings, serving = arguments(name, GATEWAY)["settings"], LlmServing.model_validate(arguments(name, LLM))
    served = next(app["name"] for app in read(name)["applications"] if app["import_path"] == LLM)

    assert settings["llm_app"] == served
    assert settings["llm_model"] == serving.model_id
    assert settings.get("host", "127.0.0.1") == serving.host == read(name)["http_options"]["host"]
    if "DeepSeek-R1-Distill" in serving.model_source:
        assert serving.parses_reasoning == "deepseek_r1"


@pytest.mark.parametrize("name", [name for name in FILES if read(name)["http_options"]["host"] == "0.0.0.0"])
def test_a_server_that_others_reach_asks_for_keys(name: str) -> None:
    assert arguments(name, GATEWAY)["settings"]["host"] == "0.0.0.0"


def test_the_files_fit_the_machines_that_they_are_named_for() -> None:
    p4d = {"GPU": 8.0, "accelerator_type:A100": 1.0}

    check_placement(LlmServing.model_validate(arguments("deepseek-r1-32b-p4d.yaml", LLM)), [p4d, p4d])
    check_placement(LlmServing.model_validate(arguments("deepseek-r1-32b-p4d-single.yaml", LLM)), [p4d])
    check_placement(
        LlmServing.model_validate(arguments("g6-12xlarge.yaml", LLM)), [{"GPU": 4.0, "accelerator_type:L4": 1.0}]
    )


@pytest.mark.parametrize("name", [name for name in FILES if len(read(name)["applications"]) > 1])
def test_no_front_of_a_model_lies_on_a_head_that_gives_no_cpus(name: str) -> None:
    @serve.deployment
    class Engine:
        """Takes the engine's place, which wants vLLM."""

    serving = LlmServing.model_validate(arguments(name, LLM))

    front = with_front(Engine.bind(), serving)  # type: ignore[attr-defined]

    cpus = front._bound_deployment.ray_actor_options["num_cpus"]
    assert cpus == (0 if name == "laptop-llm.yaml" else 1)


def test_two_stages_of_eight_are_asked_for_over_two_nodes() -> None:
    serving = LlmServing.model_validate(arguments("deepseek-r1-32b-p4d.yaml", LLM))

    assert (serving.tensor_parallel, serving.pipeline_parallel, serving.placement) == (8, 2, "PACK")
    assert serving.model_source.startswith("/fsx/")
    assert not serving.env.keys() & {"NCCL_P2P_DISABLE", "NCCL_SHM_DISABLE", "NCCL_NET_GDR_LEVEL"}


def test_a_misspelt_setting_in_a_file_is_named() -> None:
    with pytest.raises(SettingsError, match="llm_modell"):
        call_user_app_builder_with_args_if_necessary(import_attr(GATEWAY), {"settings": {"llm_modell": "m"}})
