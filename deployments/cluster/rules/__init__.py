"""The rules: one module a subject, one function a rule."""

from fraudray.deployments.cluster.rules import (
    capacity,
    draining,
    exposure,
    gpus,
    images,
    jobs,
    kuberay,
    nccl,
    network,
    probes,
    ray,
    referring,
    resources,
    secrets,
    security,
    selecting,
    upgrades,
)
from fraudray.deployments.cluster.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    resources.limits_and_requests, resources.requests_against_limits, resources.shared_memory,
    security.privileged, security.host, security.capabilities, security.root, security.escalation, security.seccomp,
    images.unpinned,
    probes.probes,
    secrets.literal, secrets.objects,
    selecting.service, selecting.pods, selecting.policy_peers, selecting.workload, selecting.random_name,
    selecting.monitored_service, selecting.ports,
    referring.config_maps, referring.secrets, referring.keys, referring.service_accounts, referring.claims,
    referring.priority_classes, referring.storage_classes, referring.services, referring.classes,
    gpus.config, gpus.least, gpus.most, gpus.one_pod, gpus.accelerator, gpus.unused,
    capacity.unknown_type, capacity.unplaced, capacity.too_large, capacity.no_node,
    nccl.disabled,
    ray.head_works, ray.token, ray.bounds,
    kuberay.refused, kuberay.gated,
    upgrades.storage_namespace, upgrades.head_service_name,
    draining.grace, draining.pre_stop,
    jobs.retries, jobs.repeatable, jobs.kept,
    exposure.dashboard, exposure.load_balancer, exposure.internet, exposure.tls, exposure.login, exposure.firewall,
    network.namespace_open, network.names_unknown,
)  # fmt: skip
