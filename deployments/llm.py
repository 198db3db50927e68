"""The model as a Serve application of its own: HTTP front → engine (`ray.serve.llm`), one application for one model.

A Serve config file names `build_llm_app` with the fields of `LlmServing` as `args`. Other applications reach the engine
through `llm_handle.EngineOf`, without HTTP.
"""

# Serve looks at the annotation itself to make the model of `args`: no `from __future__ import annotations` here.

from ray import serve

from fraudray.deployments.engine_call import ENGINE
from fraudray.deployments.placement import await_placement, cluster_nodes
from fraudray.deployments.start_deadline import LIMIT_VARIABLE
from fraudray.domain.errors import SettingsError
from fraudray.llm.laptop import laptop_serving
from fraudray.llm.serving import LlmServing
from fraudray.settings import load_settings

_FRONT_ONGOING_MAX = 512


def build_llm_app(args: LlmServing) -> serve.Application:
    """The application. Raises PlacementError where the cluster cannot hold it, after `nodes_wait_s`.

    Needs a connection to Ray and vLLM's packages, as the engine's nodes have them; importing them takes 15 s.
    """
    await_placement(args, cluster_nodes)
    return with_front(build_engine(args), args)


def build_laptop_llm() -> serve.Application:
    """The application for the setting `llm_serve`. Raises SettingsError, ImportError without vLLM."""
    settings = load_settings()
    if settings.llm_serve is None:
        raise SettingsError("llm_serve: names no model")
    serving = laptop_serving(settings.llm_serve, settings.data_dir)
    return build_llm_app(serving.model_copy(update={"host": settings.host}))


def build_engine(serving: LlmServing) -> serve.Application:
    """The engine's deployment alone, to bind where a handle is wanted."""
    from ray.serve.llm import LLMConfig, build_llm_deployment

    from fraudray.deployments.engine_server import EngineServer

    options: dict[str, object] = {
        "autoscaling_config": dict(serving.autoscaling()),
        "max_ongoing_requests": serving.ongoing_max,
        "max_queued_requests": serving.queued_max,
        "health_check_period_s": serving.health_period_s,
        "health_check_timeout_s": serving.health_timeout_s,
        "graceful_shutdown_timeout_s": serving.drain_s,
        "ray_actor_options": {"num_cpus": _cpus(serving)},
    }
    if serving.routing == "prefix" and serving.replicas_max > 1:
        from ray.serve.config import RequestRouterConfig
        from ray.serve.llm.request_router import PrefixCacheAffinityRouter

        options["request_router_config"] = RequestRouterConfig(
            request_router_class=PrefixCacheAffinityRouter  # type: ignore[arg-type]
        )
    config = LLMConfig(
        model_loading_config={"model_id": serving.model_id, "model_source": serving.model_source},
        accelerator_type=None if serving.accelerator == "cpu" else serving.accelerator,
        placement_group_config={"bundle_per_worker": serving.worker_bundle, "strategy": serving.placement},
        deployment_config=options,
        engine_kwargs=serving.engine_arguments(),
        runtime_env={"env_vars": _environment(serving)},
        log_engine_metrics=serving.engine_metrics == "ray",
    )
    engine: serve.Application = build_llm_deployment(
        config, deployment_cls=EngineServer, override_serve_options={"name": ENGINE}
    )
    return engine


def _environment(serving: LlmServing) -> dict[str, str]:
    limit = {} if serving.start_limit_s is None else {LIMIT_VARIABLE: str(serving.start_limit_s)}
    return dict(serving.env) | limit


def _cpus(serving: LlmServing) -> int:
    """None on a machine of its own, whose engine takes all; else one: that keeps a replica off a head that has none."""
    return 0 if serving.accelerator == "cpu" else 1


def with_front(engine: serve.Application, serving: LlmServing) -> serve.Application:
    """The HTTP front before an engine."""
    from fraudray.deployments.llm_front import LlmFront

    front = serve.deployment(
        serve.ingress()(LlmFront),
        name="LlmFront",
        max_ongoing_requests=_FRONT_ONGOING_MAX,
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": serving.front_replicas_max,
            "target_ongoing_requests": _FRONT_ONGOING_MAX // 4,
        },
        ray_actor_options={"num_cpus": _cpus(serving)},
        graceful_shutdown_timeout_s=serving.drain_s,
        logging_config={"enable_access_log": False},
    )
    application: serve.Application = front.bind(engine, serving.host)  # type: ignore[attr-defined]
    return application
