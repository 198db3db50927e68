"""The Serve applications of a RayService, and the models that they serve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from fraudray.deployments.cluster.manifests import Document, at
from fraudray.deployments.cluster.ray_specs import RayCluster
from fraudray.llm.serving import LlmServing

LLM_APP = "fraudray.deployments.llm:build_llm_app"
GATEWAY_APP = "fraudray.deployments.app:build_app"
GATEWAY_DRAIN_S = 5.0
"""`fraudray.deployments.app.DRAIN_S`, said again since that module needs Ray; a test holds them together."""
SERVE_DRAIN_S = 20.0
"""Serve's own graceful_shutdown_timeout_s, for applications that are not ours."""
PATH = ("spec", "serveConfigV2")


class ServeConfigError(ValueError):
    """A Serve config that cannot be read; says where and why."""


@dataclass(frozen=True)
class Application:
    """One application of a Serve config."""

    document: Document

    @property
    def name(self) -> str:
        """Its name, as Serve reports it."""
        return str(self.document.get("name", "default"))

    @property
    def import_path(self) -> str:
        """What builds it."""
        return str(self.document.get("import_path", ""))

    @property
    def args(self) -> Document:
        """What that is given."""
        args = self.document.get("args")
        return args if isinstance(args, dict) else {}

    def serving(self) -> LlmServing | None:
        """The model that it serves, or None for another application. Raises ServeConfigError."""
        if self.import_path != LLM_APP:
            return None
        try:
            return LlmServing.model_validate(self.args)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'args'}: {problem['msg']}" for problem in error.errors()
            )
            raise ServeConfigError(f"application {self.name}: {problems}") from None

    def drains_s(self) -> Iterator[float]:
        """What its deployments may take to finish their requests, in seconds, where it says so.

        Raises ServeConfigError.
        """
        serving = self.serving()
        if serving is not None:
            yield serving.drain_s
        else:
            yield GATEWAY_DRAIN_S if self.import_path == GATEWAY_APP else SERVE_DRAIN_S
        for deployment in self.document.get("deployments") or []:
            limit = at(deployment, "graceful_shutdown_timeout_s")
            if isinstance(limit, int | float):
                yield float(limit)


def serve_applications(cluster: RayCluster) -> tuple[Application, ...]:
    """The applications of a cluster's RayService; none for other kinds. Raises ServeConfigError."""
    text = cluster.manifest.at(*PATH) if cluster.manifest.kind == "RayService" else None
    if text is None:
        return ()
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ServeConfigError(f"is not YAML: {' '.join(str(error).split())}") from None
    applications = at(content, "applications")
    if not isinstance(applications, list) or not all(isinstance(one, dict) for one in applications):
        raise ServeConfigError("has no list of applications")
    return tuple(Application(one) for one in applications)
