"""The names by which dashboards and alerts of kuberay/ ask for the engine's metrics, against the engine itself.

And against what becomes of them on their way through Ray (`engine_metrics: ray`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pytest
import ray
from openai import OpenAI
from vllm.v1.metrics.ray_wrappers import RayCounterWrapper, RayGaugeWrapper, RayHistogramWrapper

from fraudray.batch.cluster import connected
from fraudray.llm.tiny_model import MODEL_ID
from tests.kuberay_monitoring.catalogue import sources
from tests.kuberay_monitoring.exposition import exported, missing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ENGINE = sources()["vllm"]
LABELS = ["model_name", "engine"]
"""Those of the engine itself; `ReplicaId` is added on the way through Ray."""
WITHIN_S = 90


@pytest.fixture(scope="module")
def through_ray() -> Iterator[str]:
    """What a Ray node exports of one metric of each kind, written as vLLM writes them there."""
    with connected(1):
        counter = RayCounterWrapper("vllm:prompt_tokens", "", LABELS).labels(model_name="m", engine="0")
        gauge = RayGaugeWrapper("vllm:num_requests_running", "", LABELS).labels(model_name="m", engine="0")
        histogram = RayHistogramWrapper("vllm:time_to_first_token_seconds", "", LABELS, [0.1, 1.0])
        counter.inc(7)
        gauge.set(3)
        histogram.labels(model_name="m", engine="0").observe(0.5)
        (node,) = ray.nodes()
        address = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
        deadline = time.monotonic() + WITHIN_S
        while "ray_vllm_time_to_first_token_seconds_bucket" not in (text := httpx.get(address, timeout=30).text):
            assert time.monotonic() < deadline, "Ray has not exported the histogram"
            time.sleep(1)
        yield text


def test_the_engine_exports_what_the_catalogue_says(client: OpenAI, llm: httpx.Client) -> None:
    client.chat.completions.create(
        model=MODEL_ID, messages=[{"role": "user", "content": "Is this payment fraud?"}], max_tokens=4
    )
    found = exported(llm.get("/metrics").raise_for_status().text)
    renamed = {_through_ray(name): labels | {"ReplicaId"} for name, labels in found.items()}
    assert missing(ENGINE, renamed) == {}


def test_ray_renames_the_engines_metrics_as_the_catalogue_has_them(through_ray: str) -> None:
    found = exported(through_ray)
    for engine, kind in (
        ("vllm:prompt_tokens_total", "counter"),
        ("vllm:num_requests_running", "gauge"),
        ("vllm:time_to_first_token_seconds_bucket", "histogram"),
    ):
        name = _through_ray(engine)
        assert name in ENGINE.own_labels, kind
        assert ENGINE.own_labels[name] <= found[name], kind


def test_values_stay_the_same_on_the_way_through_ray(through_ray: str) -> None:
    assert re.search(r"^ray_vllm_prompt_tokens_total{[^}]*} 7\.0$", through_ray, re.MULTILINE)
    assert re.search(r"^ray_vllm_num_requests_running{[^}]*} 3\.0$", through_ray, re.MULTILINE)
    assert re.search(
        r'^ray_vllm_time_to_first_token_seconds_bucket{[^}]*le="1\.0"[^}]*} 1\.0$', through_ray, re.MULTILINE
    )


def _through_ray(name: str) -> str:
    """An exported name of the engine as Ray exports it."""
    return "ray_" + name.replace(":", "_")
