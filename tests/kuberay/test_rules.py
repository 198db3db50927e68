"""Each rule catches what it is for, and lets good objects be."""

from __future__ import annotations

import pytest

from fraudray.deployments.cluster.rendered import PROVIDED
from fraudray.deployments.cluster.rules import RULES
from fraudray.deployments.cluster.rules.rule import Rule
from fraudray.deployments.cluster.schemas import INVALID, UNKNOWN
from fraudray.deployments.cluster.serve_config import GATEWAY_DRAIN_S
from tests.kuberay.broken import BROKEN, CLUSTER, CONFIG, DEPLOYMENT, GPU, GPU_POD, PAGE, POD, RAY, Broken
from tests.kuberay.good import World


def test_nothing_is_wrong_with_the_good_objects() -> None:
    assert World().findings() == []


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.rule}-{broken.says}")
def test_a_rule_catches_what_breaks_it(broken: Broken) -> None:
    world = World()

    broken.do(world)

    found = [finding for finding in world.findings() if finding.rule == broken.rule]
    assert any(broken.says in finding.message for finding in found), world.findings()
    assert all(finding.object and finding.path and finding.advice for finding in found)


def test_every_rule_has_objects_that_break_it_and_no_two_share_an_id() -> None:
    ids = [rule.id for rule in RULES]

    assert len(set(ids)) == len(ids)
    assert {broken.rule for broken in BROKEN} == {*ids, INVALID, UNKNOWN}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_is_wrong_why_that_matters_and_what_to_do(rule: Rule) -> None:
    for text in (rule.wrong, rule.why, rule.advice):
        assert len(text) > 15
    assert rule.wrong.endswith(".")
    assert rule.advice.endswith(".")


def test_what_others_provide_may_be_referred_to_where_an_annotation_says_so() -> None:
    world = World()
    world.put(DEPLOYMENT, *POD, "serviceAccountName", "made-by-eksctl")
    world.put("Namespace/fraud", "metadata", "annotations", {PROVIDED: "ServiceAccount/made-by-eksctl, Secret/other"})

    assert world.findings() == []


def test_an_optional_reference_may_lead_nowhere() -> None:
    world = World()
    world.put(DEPLOYMENT, *PAGE, "envFrom", 0, "configMapRef", {"name": "perhaps", "optional": True})

    assert world.findings() == []


def test_fewer_gpus_than_a_model_needs_are_right_where_an_autoscaler_brings_them_on_demand() -> None:
    world = World()
    world.put(RAY, *CLUSTER, "enableInTreeAutoscaling", True)
    world.put(
        RAY,
        *CLUSTER,
        "autoscalerOptions",
        {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}},
    )
    world.put(RAY, *GPU, "minReplicas", 0)
    world.put(RAY, *GPU, "replicas", 0)
    world.edit(RAY, *CONFIG, old="drain_s: 120", new="drain_s: 120, nodes_wait_s: null")

    assert world.findings() == []


def test_pods_fit_by_the_type_of_the_group_of_nodes_that_their_selector_admits() -> None:
    world = World()
    world.put("ClusterConfig/fraud", "managedNodeGroups", 0, "instanceType", "m7i.large")

    found = world.findings()

    assert {finding.rule for finding in found} == {"capacity.too-large"}
    assert all("does not fit m7i.large" in finding.message for finding in found)
    assert "Deployment fraud/page" not in {finding.object for finding in found}


def test_without_an_eksctl_file_a_selector_of_ones_own_is_believed() -> None:
    world = World()
    world.drop("ClusterConfig/fraud")
    world.put(RAY, *GPU_POD, "nodeSelector", {"nodes": "gpu"})

    assert world.findings() == []


def test_an_object_that_its_schema_refuses_does_not_hide_what_is_wrong_with_others() -> None:
    world = World()
    world.put(DEPLOYMENT, "spec", "replicas", "one")
    world.drop(RAY, *CLUSTER, "authOptions")

    rules = {finding.rule for finding in world.findings()}

    assert {"schema.invalid", "ray.token"} <= rules


def test_the_gateways_drain_is_the_one_that_its_deployment_has() -> None:
    from fraudray.deployments.app import DRAIN_S  # needs Ray, which takes seconds

    assert GATEWAY_DRAIN_S == DRAIN_S
