"""For each rule, objects that break it: at least one, and one for each way of breaking it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.kuberay.good import Document, World

RAY = "RayService/fraud"
JOB = "RayJob/backtest"
DEPLOYMENT = "Deployment/page"
INGRESS = "Ingress/page"
POD = ("spec", "template", "spec")
PAGE = (*POD, "containers", 0)
CLUSTER = ("spec", "rayClusterConfig")
HEAD = (*CLUSTER, "headGroupSpec")
GPU = (*CLUSTER, "workerGroupSpecs", 0)
GPU_POD = (*GPU, "template", "spec")
ENGINE = (*GPU_POD, "containers", 0)
CONFIG = ("spec", "serveConfigV2")
ALB = "alb.ingress.kubernetes.io/"


@dataclass(frozen=True)
class Broken:
    """One way to break a rule, and words of the message that tells it."""

    rule: str
    says: str
    do: Callable[[World], object]


def put(name: str, *path_and_value: object) -> Callable[[World], object]:
    return lambda world: world.put(name, *path_and_value)


def drop(name: str, *path: str | int) -> Callable[[World], object]:
    return lambda world: world.drop(name, *path)


def edit(name: str, *path: str | int, old: str, new: str) -> Callable[[World], object]:
    return lambda world: world.edit(name, *path, old=old, new=new)


def add(document: Document) -> Callable[[World], object]:
    return lambda world: world.add(document)


def both(*steps: Callable[[World], object]) -> Callable[[World], object]:
    return lambda world: [step(world) for step in steps]


def labelled(kind: str, api_version: str, spec: Document) -> Document:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "new", "namespace": "fraud"}, "spec": spec}


def annotate(name: str, value: str) -> Callable[[World], object]:
    return put(INGRESS, "metadata", "annotations", ALB + name, value)


AUTOSCALED = both(
    put(RAY, *CLUSTER, "enableInTreeAutoscaling", True),
    put(
        RAY,
        *CLUSTER,
        "autoscalerOptions",
        {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}},
    ),
)
STATEFUL: Document = {
    "serviceName": "nowhere",
    "selector": {"matchLabels": {"app": "page"}},
    "template": {"metadata": {"labels": {"app": "page"}}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}},
}

BROKEN = (
    Broken("schema.invalid", "enableInTreeAutoscalling", put(RAY, *CLUSTER, "enableInTreeAutoscalling", True)),
    Broken("schema.invalid", "'2' is not of type 'integer'", put(RAY, *GPU, "minReplicas", "2")),
    Broken("schema.invalid", "'maxReplicas' is a required property", drop(RAY, *GPU, "maxReplicas")),
    Broken("schema.invalid", "readynessProbe", put(DEPLOYMENT, *PAGE, "readynessProbe", {})),
    Broken("schema.invalid", "portt", put("PodMonitor/ray", "spec", "podMetricsEndpoints", 0, "portt", "metrics")),
    Broken(
        "schema.invalid", "instanceTyp", put("ClusterConfig/fraud", "managedNodeGroups", 0, "instanceTyp", "m7i.large")
    ),
    Broken("schema.unknown-kind", "has no schema here", add(labelled("Gadget", "example.com/v1", {}))),
    Broken("schema.unknown-kind", "ray.io/v2", put(RAY, "apiVersion", "ray.io/v2")),
    Broken("resources.missing", "page lacks limits.memory", drop(DEPLOYMENT, *PAGE, "resources", "limits", "memory")),
    Broken("resources.missing", "requests.cpu", drop(RAY, *ENGINE, "resources")),
    Broken(
        "resources.unequal",
        "requests vpc.amazonaws.com/efa 2, its limit is 4",
        put(RAY, *ENGINE, "resources", "requests", "vpc.amazonaws.com/efa", 2),
    ),
    Broken(
        "resources.unequal",
        "requests memory 2Gi, its limit is 1Gi",
        put(DEPLOYMENT, *PAGE, "resources", "requests", "memory", "2Gi"),
    ),
    Broken("resources.unequal", "has no limit of it", drop(RAY, *ENGINE, "resources", "limits", "nvidia.com/gpu")),
    Broken("resources.shared-memory", "mounts no /dev/shm", drop(RAY, *ENGINE, "volumeMounts")),
    Broken(
        "resources.shared-memory",
        "not in memory with a sizeLimit",
        drop(RAY, *GPU_POD, "volumes", 0, "emptyDir", "sizeLimit"),
    ),
    Broken("resources.shared-memory", "shm of 2Ti", put(RAY, *GPU_POD, "volumes", 0, "emptyDir", "sizeLimit", "2Ti")),
    Broken(
        "security.privileged",
        "page is privileged",
        put(DEPLOYMENT, *PAGE, "securityContext", {"privileged": True, "capabilities": {"drop": ["ALL"]}}),
    ),
    Broken("security.host", "hostNetwork is on", put(DEPLOYMENT, *POD, "hostNetwork", True)),
    Broken(
        "security.host",
        "mounts /var/run of the node",
        put(DEPLOYMENT, *POD, "volumes", 0, {"name": "data", "hostPath": {"path": "/var/run"}}),
    ),
    Broken("security.host", "takes port 80 of the node", put(DEPLOYMENT, *PAGE, "ports", 0, "hostPort", 80)),
    Broken(
        "security.capabilities",
        "page adds IPC_LOCK",
        put(DEPLOYMENT, *PAGE, "securityContext", "capabilities", "add", ["IPC_LOCK"]),
    ),
    Broken(
        "security.capabilities",
        "ray adds SYS_ADMIN",
        put(RAY, *ENGINE, "securityContext", "capabilities", "add", ["IPC_LOCK", "SYS_ADMIN"]),
    ),
    Broken(
        "security.capabilities", "autoscaler does not drop ALL", drop("RayCluster/tests", "spec", "autoscalerOptions")
    ),
    Broken("security.root", "lacks runAsNonRoot", drop(DEPLOYMENT, *POD, "securityContext", "runAsNonRoot")),
    Broken("security.root", "runs as user 0", put(DEPLOYMENT, *PAGE, "securityContext", "runAsUser", 0)),
    Broken("security.escalation", "page lacks", drop(DEPLOYMENT, *PAGE, "securityContext", "allowPrivilegeEscalation")),
    Broken(
        "security.seccomp", "page lacks seccompProfile", drop(DEPLOYMENT, *POD, "securityContext", "seccompProfile")
    ),
    Broken("images.unpinned", "page:latest", put(DEPLOYMENT, *PAGE, "image", "registry.example.com:5000/page:latest")),
    Broken("images.unpinned", "page:stable", put(DEPLOYMENT, *PAGE, "image", "registry.example.com/page:stable")),
    Broken(
        "images.unpinned",
        "registry.example.com:5000/page",
        put(DEPLOYMENT, *PAGE, "image", "registry.example.com:5000/page"),
    ),
    Broken("images.unpinned", "names no image", drop(DEPLOYMENT, *PAGE, "image")),
    Broken("probes.missing", "no readinessProbe", drop(DEPLOYMENT, *PAGE, "readinessProbe")),
    Broken(
        "secrets.literal",
        "has the value of DB_PASSWORD",
        put(DEPLOYMENT, *PAGE, "env", [{"name": "DB_PASSWORD", "value": "hunter2"}]),
    ),
    Broken(
        "secrets.literal",
        "has the value of FRAUDRAY_DATABASE_URL",
        put("ConfigMap/settings", "data", "FRAUDRAY_DATABASE_URL", "postgresql://a:b@c/d"),
    ),
    Broken(
        "secrets.literal",
        "has the value of smtp_password",
        edit(
            RAY,
            *CONFIG,
            old="import_path: fraudray.deployments.app:build_app",
            new="import_path: fraudray.deployments.app:build_app\n    args: {settings: {smtp_password: x}}",
        ),
    ),
    Broken(
        "secrets.object",
        "holds password",
        add(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "s", "namespace": "fraud"},
                "data": {"password": "eA=="},
            }
        ),
    ),
    Broken("selectors.service", "selects app=pages", put("Service/page", "spec", "selector", "app", "pages")),
    Broken(
        "selectors.pods",
        "part=gate",
        put("PodDisruptionBudget/gateway", "spec", "selector", "matchLabels", "part", "gate"),
    ),
    Broken(
        "selectors.pods",
        "app=pages",
        put("NetworkPolicy/page", "spec", "podSelector", {"matchLabels": {"app": "pages"}}),
    ),
    Broken(
        "selectors.pods",
        "ray.io/is-ray-node=no",
        put("PodMonitor/ray", "spec", "selector", "matchLabels", {"ray.io/is-ray-node": "no"}),
    ),
    Broken(
        "selectors.policy-peer",
        "ray.io/serve=yes",
        put("NetworkPolicy/page", "spec", "egress", 0, "to", 0, "podSelector", "matchLabels", {"ray.io/serve": "yes"}),
    ),
    Broken(
        "selectors.workload",
        "which its pods do not have",
        put(DEPLOYMENT, "spec", "template", "metadata", "labels", {"app": "other"}),
    ),
    Broken(
        "selectors.random-name",
        "ray.io/cluster=fraud",
        put("PodMonitor/ray", "spec", "selector", "matchLabels", {"ray.io/cluster": "fraud"}),
    ),
    Broken(
        "selectors.random-name",
        "ray.io/cluster=fraud",
        put("Service/page", "spec", "selector", {"ray.io/cluster": "fraud"}),
    ),
    Broken(
        "selectors.monitored-service",
        "ray.io/serve=true",
        put("ServiceMonitor/gateway", "spec", "selector", "matchLabels", {"ray.io/serve": "true"}),
    ),
    Broken(
        "selectors.port",
        "no selected pod has a port called web",
        put("Service/page", "spec", "ports", 0, "targetPort", "web"),
    ),
    Broken(
        "selectors.port",
        "no selected pod has a port called figures",
        put("PodMonitor/ray", "spec", "podMetricsEndpoints", 0, "port", "figures"),
    ),
    Broken("references.config-map", "ConfigMap settings is nowhere", drop("ConfigMap/settings")),
    Broken("references.secret", "Secret keys is nowhere", drop("ExternalSecret/keys")),
    Broken("references.secret", "Secret token is nowhere", put(RAY, *CLUSTER, "authOptions", "secretName", "token")),
    Broken(
        "references.secret",
        "Secret oidc is nowhere",
        annotate("auth-idp-oidc", '{"issuer": "https://login.example.com", "secretName": "oidc"}'),
    ),
    Broken(
        "references.key",
        "Secret keys has no key",
        put(DEPLOYMENT, *PAGE, "env", 0, "valueFrom", "secretKeyRef", "key", "key"),
    ),
    Broken(
        "references.service-account",
        "ServiceAccount walker is nowhere",
        put(DEPLOYMENT, *POD, "serviceAccountName", "walker"),
    ),
    Broken("references.claim", "PersistentVolumeClaim data is nowhere", drop("PersistentVolumeClaim/data")),
    Broken("references.priority-class", "PriorityClass high is nowhere", drop("PriorityClass/high")),
    Broken("references.storage-class", "StorageClass files is nowhere", drop("StorageClass/files")),
    Broken(
        "references.service",
        "Service pages is nowhere",
        put(INGRESS, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "name", "pages"),
    ),
    Broken(
        "references.service",
        "Service page has no port 80",
        put(INGRESS, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number", 80),
    ),
    Broken(
        "references.service",
        "Service fraud-serve-svc has no port http",
        put("Ingress/api", "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "name", "http"),
    ),
    Broken("references.service", "Service nowhere is nowhere", add(labelled("StatefulSet", "apps/v1", STATEFUL))),
    Broken("references.class", "IngressClass inner is nowhere", drop("IngressClass/inner")),
    Broken("references.class", "SecretStore aws is nowhere", drop("SecretStore/aws")),
    Broken("references.class", "IngressClassParams inner is nowhere", drop("IngressClassParams/inner")),
    Broken(
        "serve.config",
        "tensor_parallel: Input should be a valid integer",
        edit(RAY, *CONFIG, old="tensor_parallel: 8", new="tensor_parallel: eight"),
    ),
    Broken("serve.config", "is not YAML", put(RAY, *CONFIG, "applications: [")),
    Broken("serve.config", "has no list of applications", put(RAY, *CONFIG, "apps: []")),
    Broken(
        "gpus.least",
        "needs 16 A100 GPUs (llm 8 x 2 x 1), the workers have 8 (gpu 1 x 1 x 8)",
        drop(RAY, *GPU, "numOfHosts"),
    ),
    Broken(
        "gpus.least",
        "needs 8 A100 GPUs (llm 8 x 1 x 1), the workers have 16",
        edit(RAY, *CONFIG, old="pipeline_parallel: 2,", new=""),
    ),
    Broken(
        "gpus.least",
        "needs 16 A100 GPUs",
        both(AUTOSCALED, put(RAY, *GPU, "minReplicas", 0), put(RAY, *GPU, "replicas", 0)),
    ),
    Broken(
        "gpus.most",
        "may need 32 A100 GPUs (llm 8 x 2 x 2), the workers have 16 (no autoscaler)",
        edit(RAY, *CONFIG, old="drain_s: 120", new="drain_s: 120, replicas_max: 2, engine_metrics: ray"),
    ),
    Broken(
        "gpus.one-pod",
        "llm needs 16 GPUs together, a pod has 8",
        edit(RAY, *CONFIG, old="tensor_parallel: 8, pipeline_parallel: 2", new="tensor_parallel: 16"),
    ),
    Broken(
        "gpus.one-pod",
        "llm needs 16 GPUs together, a pod has 8",
        edit(
            RAY,
            *CONFIG,
            old="tensor_parallel: 8, pipeline_parallel: 2",
            new="tensor_parallel: 16, placement: STRICT_PACK",
        ),
    ),
    Broken(
        "gpus.accelerator",
        "gpu says L4, its nodes have A100",
        put(RAY, *GPU, "labels", {"ray.io/accelerator-type": "L4"}),
    ),
    Broken(
        "gpus.accelerator",
        "gpu says H100, its nodes have A100",
        both(
            drop(RAY, *GPU, "labels"),
            put(RAY, *GPU, "rayStartParams", {"resources": '"{\\"accelerator_type:H100\\": 1}"'}),
        ),
    ),
    Broken(
        "gpus.unused",
        "gpu has A100, models want L4",
        edit(RAY, *CONFIG, old="accelerator: A100", new="accelerator: L4"),
    ),
    Broken(
        "capacity.unknown-type",
        "p9.huge",
        put(RAY, *GPU_POD, "nodeSelector", {"node.kubernetes.io/instance-type": "p9.huge"}),
    ),
    Broken("capacity.unplaced", "no node selector", drop(RAY, *GPU_POD, "nodeSelector")),
    Broken("capacity.unplaced", "no group of nodes", put(RAY, *GPU_POD, "nodeSelector", {"nodes": "big"})),
    Broken(
        "capacity.too-large",
        "does not fit p4d.24xlarge: memory (MiB) 1,126,400 of",
        both(*(put(RAY, *ENGINE, "resources", part, "memory", "1100Gi") for part in ("requests", "limits"))),
    ),
    Broken(
        "capacity.too-large",
        "does not fit p4d.24xlarge: CPU 96 of",
        both(*(put(RAY, *ENGINE, "resources", part, "cpu", "96") for part in ("requests", "limits"))),
    ),
    Broken(
        "capacity.too-large",
        "EFA 8 of 4",
        both(*(put(RAY, *ENGINE, "resources", part, "vpc.amazonaws.com/efa", 8) for part in ("requests", "limits"))),
    ),
    Broken(
        "capacity.too-large",
        "huge pages (MiB) 20,480 of 10,256",
        both(*(put(RAY, *ENGINE, "resources", part, "hugepages-2Mi", "20Gi") for part in ("requests", "limits"))),
    ),
    Broken(
        "capacity.too-large",
        "does not fit g6.12xlarge: CPU 80 of",
        put(RAY, *GPU_POD, "nodeSelector", {"node.kubernetes.io/instance-type": "g6.12xlarge"}),
    ),
    Broken(
        "capacity.no-node", "no group of nodes has nodes=tiny", put(DEPLOYMENT, *POD, "nodeSelector", {"nodes": "tiny"})
    ),
    Broken(
        "nccl.disabled",
        "ray sets NCCL_P2P_DISABLE=1",
        put(RAY, *ENGINE, "env", [{"name": "NCCL_P2P_DISABLE", "value": "1"}]),
    ),
    Broken("nccl.disabled", "sets NCCL_SHM_DISABLE=1", put("ConfigMap/settings", "data", "NCCL_SHM_DISABLE", "1")),
    Broken(
        "nccl.disabled",
        "llm sets NCCL_NET_GDR_LEVEL=0",
        edit(RAY, *CONFIG, old="drain_s: 120", new='drain_s: 120, env: {NCCL_NET_GDR_LEVEL: "0"}'),
    ),
    Broken("ray.head-works", 'the head lacks num-cpus: "0"', drop(RAY, *HEAD, "rayStartParams", "num-cpus")),
    Broken("ray.head-works", 'the head lacks num-gpus: "0"', put(RAY, *HEAD, "rayStartParams", "num-gpus", "1")),
    Broken("ray.token", "authentication is not set", drop(RAY, *CLUSTER, "authOptions")),
    Broken("ray.token", "authentication is disabled", put(RAY, *CLUSTER, "authOptions", "mode", "disabled")),
    Broken("ray.bounds", "replicas 3, which is not within 1 and 1", put(RAY, *GPU, "replicas", 3)),
    Broken("kuberay.refused", "more than 47 letters", put(RAY, "metadata", "name", "f" * 48)),
    Broken(
        "kuberay.refused",
        "both here and in rayStartParams",
        both(put(RAY, *GPU, "resources", {"CPU": "8"}), put(RAY, *GPU, "rayStartParams", {"num-cpus": "8"})),
    ),
    Broken("kuberay.refused", "belong into the group's `labels`", put(RAY, *GPU, "rayStartParams", {"labels": "a=b"})),
    Broken(
        "kuberay.refused",
        "must have restartPolicy Never",
        put("RayCluster/tests", "spec", "workerGroupSpecs", 0, "template", "spec", "restartPolicy", "Always"),
    ),
    Broken(
        "kuberay.refused",
        "cannot be suspended",
        put("RayCluster/tests", "spec", "workerGroupSpecs", 0, "suspend", True),
    ),
    Broken("kuberay.refused", "2.52 or newer", put(RAY, *CLUSTER, "rayVersion", "2.40.0")),
    Broken(
        "kuberay.refused",
        "is not supported for a RayService",
        put(RAY, *CLUSTER, "authOptions", "enableK8sTokenAuth", True),
    ),
    Broken(
        "kuberay.refused",
        "none of them `serve`",
        put(RAY, *HEAD, "template", "spec", "containers", 0, "ports", [{"name": "metrics", "containerPort": 8080}]),
    ),
    Broken(
        "kuberay.refused",
        "needs Ray's autoscaler",
        put(RAY, "spec", "upgradeStrategy", {"type": "NewClusterWithIncrementalUpgrade"}),
    ),
    Broken("kuberay.gated", "the feature gate RayClusterMTLS", put(RAY, *CLUSTER, "tlsOptions", {})),
    Broken(
        "kuberay.gated",
        "GCSFaultToleranceEmbeddedStorage",
        put("RayCluster/tests", "spec", "gcsFaultToleranceOptions", {"backend": "rocksdb"}),
    ),
    Broken(
        "kuberay.gated",
        "the feature gate RayCronJob",
        lambda world: world.add(
            labelled("RayCronJob", "ray.io/v1", {"schedule": "0 2 * * *", "jobTemplate": world.at(JOB, "spec")})
        ),
    ),
    Broken(
        "upgrade.storage-namespace",
        "is fixed",
        put(RAY, *CLUSTER, "gcsFaultToleranceOptions", {"redisAddress": "r:6379", "externalStorageNamespace": "mine"}),
    ),
    Broken(
        "upgrade.storage-namespace",
        "ray.io/external-storage-namespace is fixed",
        put(RAY, "metadata", "annotations", {"ray.io/external-storage-namespace": "mine"}),
    ),
    Broken("upgrade.head-service-name", "is fixed", put(RAY, *HEAD, "headService", {"metadata": {"name": "mine"}})),
    Broken(
        "draining.grace",
        "169 s are less than preStop 20 s + drain 120 s + 30 s",
        put(RAY, *GPU_POD, "terminationGracePeriodSeconds", 169),
    ),
    Broken("draining.grace", "30 s are less than", drop(RAY, *GPU_POD, "terminationGracePeriodSeconds")),
    Broken("draining.pre-stop", "has no preStop", drop(RAY, *ENGINE, "lifecycle")),
    Broken(
        "draining.pre-stop",
        "through a shell",
        put(RAY, *ENGINE, "lifecycle", "preStop", "exec", "command", ["/bin/sh", "-c", "sleep 20"]),
    ),
    Broken("draining.pre-stop", "has no preStop", put(RAY, "spec", "excludeHeadPodFromServeSvc", False)),
    Broken("jobs.retries", "backoffLimit is 3", put(JOB, "spec", "backoffLimit", 3)),
    Broken("jobs.retries", "the submitter's is not set", drop(JOB, "spec", "submitterConfig")),
    Broken("jobs.repeatable", "names neither --out nor --run-id", put(JOB, "spec", "entrypoint", "python train.py")),
    Broken("jobs.repeatable", "not on a volume", put(JOB, "spec", "entrypoint", "fraudray backtest h --out results")),
    Broken("jobs.kept", "shutdownAfterJobFinishes is not true", drop(JOB, "spec", "shutdownAfterJobFinishes")),
    Broken("jobs.kept", "ttlSecondsAfterFinished is not set", drop(JOB, "spec", "ttlSecondsAfterFinished")),
    Broken(
        "exposure.dashboard",
        "leads to fraud-head-svc",
        put(
            "Ingress/api",
            "spec",
            "rules",
            0,
            "http",
            "paths",
            0,
            "backend",
            "service",
            {"name": "fraud-head-svc", "port": {"number": 8000}},
        ),
    ),
    Broken("exposure.dashboard", "KubeRay makes an Ingress", put(RAY, *HEAD, "enableIngress", True)),
    Broken(
        "exposure.dashboard", "the head's service is a LoadBalancer", put(RAY, *HEAD, "serviceType", "LoadBalancer")
    ),
    Broken(
        "exposure.dashboard",
        "a LoadBalancer has port 8265",
        both(
            put("Service/page", "spec", "type", "LoadBalancer"), put("Service/page", "spec", "ports", 0, "port", 8265)
        ),
    ),
    Broken("exposure.load-balancer", "is a NodePort", put("Service/page", "spec", "type", "NodePort")),
    Broken(
        "exposure.load-balancer",
        "is a LoadBalancer",
        put(RAY, "spec", "serveService", {"spec": {"type": "LoadBalancer"}}),
    ),
    Broken(
        "exposure.internet",
        "its scheme is internet-facing",
        put("IngressClassParams/inner", "spec", "scheme", "internet-facing"),
    ),
    Broken("exposure.internet", "its scheme is not set", drop("IngressClassParams/inner", "spec", "scheme")),
    Broken("exposure.tls", "listens on HTTP 80", annotate("listen-ports", '[{"HTTP": 80}]')),
    Broken("exposure.tls", "listens on HTTP 80, HTTPS 443", annotate("listen-ports", '[{"HTTP": 80}, {"HTTPS": 443}]')),
    Broken("exposure.tls", "no port that it names", drop(INGRESS, "metadata", "annotations", ALB + "listen-ports")),
    Broken("exposure.tls", "ports that cannot be read", annotate("listen-ports", "443")),
    Broken("exposure.tls", "names no certificate", drop(INGRESS, "metadata", "annotations", ALB + "certificate-arn")),
    Broken("exposure.login", "its auth-type is not set", drop(INGRESS, "metadata", "annotations", ALB + "auth-type")),
    Broken("exposure.login", "oidc, but allow", annotate("auth-on-unauthenticated-request", "allow")),
    Broken("exposure.login", "its auth-type is oidc", annotate("auth-idp-oidc", '{"secretName": "keys"}')),
    Broken("exposure.firewall", "names no web ACL", drop(INGRESS, "metadata", "annotations", ALB + "wafv2-acl-arn")),
    Broken("network.open", "namespace fraud has no NetworkPolicy", drop("NetworkPolicy/deny-all")),
    Broken(
        "network.open",
        "namespace fraud has no NetworkPolicy",
        put("NetworkPolicy/deny-all", "spec", "policyTypes", ["Ingress"]),
    ),
    Broken("network.names", "Deployment fraud/page may reach nothing at port 53", drop("NetworkPolicy/names")),
    Broken(
        "network.names",
        "may reach nothing at port 53",
        put("NetworkPolicy/names", "spec", "egress", 0, "ports", [{"port": 53, "protocol": "TCP"}]),
    ),
    Broken(
        "network.names",
        "Deployment fraud/page may reach nothing at port 53",
        put("NetworkPolicy/names", "spec", "podSelector", {"matchLabels": {"ray.io/serve": "true"}}),
    ),
)
