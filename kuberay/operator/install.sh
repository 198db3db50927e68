#!/usr/bin/env bash
# What the overlays want beside EKS's add-ons, each by Helm:  kuberay/operator/install.sh OVERLAY [--yes]
#
# KubeRay, external-secrets, AWS's load balancer controller, the cluster autoscaler, Fluent Bit (logs to CloudWatch),
# Prometheus with Grafana, and for a model NVIDIA's exporter. Region and VPC are those of site/site.env. It shows the commands, asks (not with --yes), and runs
# them in the cluster that kubectl's context leads to; run again, it brings what is there to the same values. It costs
# nothing beyond the nodes that are there. For p4d-efa AWS's EFA node exporter comes besides: it has no chart.
set -euo pipefail
script=$(realpath "${BASH_SOURCE[0]}")
cd "$(dirname "$script")/.."
usage() {
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$script" >&2
  exit 2
}
yes=
[ "$#" = 2 ] && [ "$2" = --yes ] && yes=1
[ "$#" = 1 ] || [ -n "$yes" ] || usage
overlay=$1
[ -d "overlays/$overlay" ] || {
  echo "error: there is no overlay $overlay; there are: $(cd overlays && echo *)" >&2
  exit 2
}
value() {
  sed -n "s/^$1=//p" site/site.env
}
cluster=$(sed -n '/^metadata:/,/^[a-z]/s/^  name: //p' eksctl/base/cluster.yaml)

# repository|its address
repositories="kuberay|https://ray-project.github.io/kuberay-helm/
external-secrets|https://charts.external-secrets.io
eks|https://aws.github.io/eks-charts
autoscaler|https://kubernetes.github.io/autoscaler
prometheus-community|https://prometheus-community.github.io/helm-charts"
# release|chart|namespace|how. Service accounts with rights in AWS were made with the cluster (kuberay/eksctl).
releases="kuberay-operator|kuberay/kuberay-operator|kuberay-operator|--version 1.7.0 --values operator/values.yaml
external-secrets|external-secrets/external-secrets|external-secrets|--version 2.9.0 --set serviceAccount.create=false --set serviceAccount.name=external-secrets
aws-load-balancer-controller|eks/aws-load-balancer-controller|kube-system|--set clusterName=$cluster --set region=$(value AWS_REGION) --set vpcId=$(value VPC_ID) --set serviceAccount.create=false --set serviceAccount.name=aws-load-balancer-controller
cluster-autoscaler|autoscaler/cluster-autoscaler|kube-system|--set autoDiscovery.clusterName=$cluster --set awsRegion=$(value AWS_REGION) --set rbac.serviceAccount.create=false --set rbac.serviceAccount.name=cluster-autoscaler
fluent-bit|eks/aws-for-fluent-bit|logging|--values operator/fluent-bit-values.yaml --set cloudWatchLogs.region=$(value AWS_REGION)
prometheus|prometheus-community/kube-prometheus-stack|monitoring|--values base/monitoring/prometheus-values.yaml"
if [ "$overlay" != cpu-only ]; then
  repositories="$repositories
gpu-helm-charts|https://nvidia.github.io/dcgm-exporter/helm-charts"
  releases="$releases
dcgm-exporter|gpu-helm-charts/dcgm-exporter|monitoring|--values operator/dcgm-exporter-values.yaml"
fi

commands=()
while IFS='|' read -r name address; do
  commands+=("helm repo add --force-update $name $address")
done <<<"$repositories"
commands+=("helm repo update")
while IFS='|' read -r name chart namespace how; do
  commands+=("helm upgrade --install $name $chart --namespace $namespace --create-namespace --wait $how")
done <<<"$releases"

echo "In $PWD:"
printf '  %s\n' "${commands[@]}"
if [ -z "$yes" ]; then
  [ -t 0 ] || {
    echo "error: nobody is here to be asked, so nothing was done; --yes does it without a question" >&2
    exit 4
  }
  read -r -p "Run this in $(kubectl config current-context)? [y/N] " answer
  [ "$answer" = y ] || {
    echo "Nothing was done." >&2
    exit 1
  }
fi
command -v helm >/dev/null || {
  echo "error: this needs helm, which is not on PATH: https://helm.sh/docs/intro/install/" >&2
  exit 2
}
for line in "${commands[@]}"; do
  read -ra words <<<"$line"
  "${words[@]}"
done
echo "Next: fraudray cluster check --overlay kuberay/overlays/$overlay"
