"""An overlay applied over the Kubernetes API: what it would do is told, then done, and done twice is done once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.deployments.cluster.deploying import carry_out, plan
from fraudray.deployments.cluster.kube import Kube
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.readiness import awaited, not_ready
from fraudray.deployments.cluster.scaling import BEFORE
from fraudray.deployments.cluster.stages import stages
from fraudray.deployments.cluster.waiting import NotInTime, Patience
from tests.kuberay.api_server import ApiServer, Document, write_kubeconfig
from tests.kuberay.conftest import Run, Serve
from tests.kuberay.good import World
from tests.kuberay.live import kuberay, named
from tests.kuberay.terminal import on_terminal
from tests.kuberay.tree import NAME, Tree


@pytest.fixture
def server(serve: Serve) -> ApiServer:
    """An empty cluster, in which KubeRay is at work."""
    started = serve([])
    started.on_applied = kuberay
    return started


def test_everything_is_applied_and_a_second_deployment_does_nothing(server: ApiServer, run: Run, tree: Tree) -> None:
    first = run("deploy", NAME, "--yes")
    count = len(tree.objects)

    assert first.code == 0
    assert set(server.applied) == tree.objects == server.there()
    assert f"{count} new" in first.out
    assert "USD an hour" in first.out
    assert "smoke-test" in first.error  # what to do next

    again = run("deploy", NAME)  # nobody needs to be asked

    assert again.code == 0
    assert f"{count} unchanged" in again.out
    assert len(server.applied) == count


def test_what_others_stand_on_comes_first(server: ApiServer, run: Run, tree: Tree) -> None:
    run("deploy", NAME, "--yes")

    place = {name: number for number, name in enumerate(server.applied)}
    assert place["Namespace/fraud"] == 0
    assert place["NetworkPolicy/deny-all"] < place["RayService/fraud"]  # no pod is there before its policy
    assert place["SecretStore/aws"] < place["ExternalSecret/keys"] < place["RayService/fraud"]
    assert place["StorageClass/files"] < place["PersistentVolumeClaim/data"] < place["RayService/fraud"]
    assert max(place, key=lambda name: place[name]).startswith("Ingress/")


def test_with_nobody_to_ask_nothing_is_done(server: ApiServer, run: Run, tree: Tree) -> None:
    ended = run("deploy", NAME)

    assert ended.code == 4
    assert "--yes" in ended.error
    assert server.there() == set()


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_on_a_terminal_it_asks(server: ApiServer, tree: Tree, answer: str, code: int) -> None:
    told = on_terminal("deploy", NAME, answer=answer)

    assert told.code == code
    assert "Apply this to tests?" in told.text
    assert server.there() == (tree.objects if answer == "y" else set())


def test_findings_stop_it_before_the_cluster_is_asked(server: ApiServer, run: Run, tree: Tree) -> None:
    tree.site.write_text(tree.site.read_text("utf-8").replace("page:1.2.0", "page:latest"), encoding="utf-8")

    ended = run("deploy", NAME, "--yes")

    assert ended.code == 1
    assert "images.unpinned" in ended.out
    assert server.there() == set()


@pytest.mark.parametrize(
    ("code", "words"), [(403, "fraudray cannot patch resource services"), (422, "spec.ports: Required value")]
)
def test_what_the_server_would_refuse_is_told_by_name_and_nothing_is_changed(
    serve: Serve, run: Run, tree: Tree, code: int, words: str
) -> None:
    server = serve([named("Namespace", "fraud")])
    server.refuse("Service", "page", code, words)

    ended = run("deploy", NAME, "--yes")

    assert ended.code == 4
    assert "Service fraud/page" in ended.out
    assert words in ended.out
    assert "nothing was changed" in ended.error
    assert server.applied == []


def test_what_is_refused_only_in_earnest_stops_there_and_the_next_run_goes_on(
    server: ApiServer, run: Run, tree: Tree
) -> None:
    server.refuse("Service", "page", 422, "a webhook says no", dry_runs=False)

    stopped = run("deploy", NAME, "--yes")

    assert stopped.code == 4
    assert "Service fraud/page was not taken: a webhook says no" in stopped.error
    done = list(server.applied)
    assert f"{len(done)} object(s) before it are applied" in stopped.error
    assert set(done) == server.there()
    assert "RayService/fraud" not in done

    server.allow_all()
    assert run("deploy", NAME, "--yes").code == 0
    assert server.there() == tree.objects
    assert server.applied[: len(done)] == done
    assert len(server.applied) == len(tree.objects)  # nothing twice


def test_kinds_that_the_cluster_does_not_know_are_told(server: ApiServer, run: Run, tree: Tree) -> None:
    del server.kinds["PodMonitor"]

    ended = run("deploy", NAME, "--yes")

    assert "does not know PodMonitor (monitoring.coreos.com/v1)" in ended.error
    assert "fraudray cluster check" in ended.error
    assert (ended.code, server.there()) == (5, set())


def test_a_service_that_is_not_ready_in_time_is_told_with_what_it_waits_for(serve: Serve, run: Run, tree: Tree) -> None:
    server = serve([])

    late = run("deploy", NAME, "--yes", "--wait-s", 0.01)

    assert late.code == 5
    assert "RayService fraud/fraud: KubeRay has not taken it up yet" in late.error
    assert server.there() == tree.objects

    server.on_applied = kuberay
    server.on_applied(server.stored("RayService", "fraud"))
    assert run("deploy", NAME, "--yes", "--wait-s", 0.01).code == 0  # goes on where it was


def test_without_waiting_it_says_how_far_it_is(serve: Serve, run: Run, tree: Tree) -> None:
    serve([])

    ended = run("deploy", NAME, "--yes", "--wait-s", 0, "--json")

    assert (ended.code, ended.json["ready"], ended.json["applied"]) == (0, False, len(tree.objects))


def test_a_field_that_the_overlay_has_no_more_goes(server: ApiServer, run: Run, tree: Tree) -> None:
    tree.world.put("ConfigMap/settings", "data", "FRAUDRAY_LOG_LEVEL", "DEBUG")
    tree.write()
    run("deploy", NAME, "--yes")
    tree.world.drop("ConfigMap/settings", "data", "FRAUDRAY_LOG_LEVEL")
    tree.write()

    ended = run("deploy", NAME, "--yes")

    assert "data.FRAUDRAY_LOG_LEVEL" in ended.out
    assert "FRAUDRAY_LOG_LEVEL" not in server.stored("ConfigMap", "settings")["data"]
    assert server.applied[len(tree.objects) :] == ["ConfigMap/settings"]


def test_what_is_left_from_before_is_told_and_pruned_when_that_is_asked_for(
    server: ApiServer, run: Run, tree: Tree
) -> None:
    server.keep(named("ConfigMap", "somebody-elses", "fraud"))
    run("deploy", NAME, "--yes")
    tree.world.drop("PodMonitor/ray")
    tree.write()

    told = run("deploy", NAME, "--json")

    assert told.json["left_over"] == ["PodMonitor fraud/ray"]
    assert "PodMonitor/ray" in server.there()

    assert run("deploy", NAME, "--prune").code == 0
    assert server.there() == tree.objects | {"ConfigMap/somebody-elses"}


def test_what_was_switched_off_is_said_to_be_switched_on(server: ApiServer, run: Run, tree: Tree) -> None:
    run("deploy", NAME, "--yes")
    server.stored("RayService", "fraud")["metadata"]["annotations"] = {BEFORE: "{}"}
    group = server.stored("RayService", "fraud")["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    group["maxReplicas"] = 0

    ended = run("deploy", NAME, "--yes")

    assert "RayService fraud/fraud was switched off" in ended.out
    found = server.stored("RayService", "fraud")["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    assert found["maxReplicas"] > 0


def test_an_overlay_that_there_is_not_is_told_with_those_that_there_are(
    server: ApiServer, run: Run, tree: Tree
) -> None:
    ended = run("deploy", "p4d-eva", "--yes")

    assert ended.code == 2
    assert ended.error.endswith("there are: p4d-efa")
    assert run("deploy", tree.root / "base").code == 2
    assert run("deploy", tree.overlay, "--yes").code == 0  # a folder will do


def job(image: str) -> Manifest:
    spec = {"template": {"spec": {"containers": [{"name": "sync", "image": image}], "restartPolicy": "Never"}}}
    metadata = {"name": "sync", "namespace": "fraud"}
    return Manifest({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})


def test_a_job_whose_pods_change_is_made_anew(serve: Serve) -> None:
    server = serve([named("Namespace", "fraud")])
    kube, patience = Kube.connect(), Patience(0)
    list(carry_out(kube, plan(kube, [job("a:1")]).to_do, patience, lambda _: None))

    (step,) = plan(kube, [job("a:2")]).steps
    assert step.state == "replaced"
    list(carry_out(kube, [step], patience, lambda _: None))

    assert server.deleted == ["Job/sync"]
    assert server.stored("Job", "sync")["spec"]["template"]["spec"]["containers"][0]["image"] == "a:2"
    assert plan(kube, [job("a:2")]).to_do == ()


def service(generation: int = 2, seen: int = 2, **status: Any) -> Document:
    metadata = {"name": "fraud", "namespace": "fraud", "generation": generation}
    return {"metadata": metadata, "spec": {}, "status": {"observedGeneration": seen} | status}


READY: Document = {"conditions": [{"type": "Ready", "status": "True"}]}
UPGRADES: Document = {"conditions": [*READY["conditions"], {"type": "UpgradeInProgress", "status": "True"}]}
STARTS: Document = {
    "pendingServiceStatus": {
        "rayClusterName": "fraud-b",
        "applicationStatuses": {"llm": {"status": "DEPLOYING", "message": "weights"}},
    }
}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (service(**READY), None),
        (service(seen=1, **READY), "has not taken it up"),  # ready is the version before
        (service(**UPGRADES), "a second cluster starts"),
        (service(**READY, **STARTS), "application llm is DEPLOYING: weights"),
        (service(conditions=[{"type": "Ready", "status": "False", "message": "no endpoint"}]), "no endpoint"),
        (service(), "its pods start"),
        (service(seen=1) | {"spec": {"suspend": True}}, None),
    ],
)
def test_a_service_is_ready_when_it_serves_what_was_applied(document: Document, words: str | None) -> None:
    left = awaited(document)
    assert (left is None) if words is None else (left is not None and words in left)


def test_it_waits_until_the_service_is_ready(serve: Serve) -> None:
    fraud = World().objects["RayService/fraud"]
    server = serve([fraud | {"metadata": fraud["metadata"] | {"generation": 1}}])
    kube, services, told, paused = Kube.connect(), [Manifest(fraud)], list[str](), list[float]()

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 3:
            kuberay(server.stored("RayService", "fraud"))

    Patience(60, every_s=5, pause=pause).wait(lambda: not_ready(kube, services), told.append)

    assert paused == [5, 5, 5]
    assert set(told) == {"RayService fraud/fraud: KubeRay has not taken it up yet"}


def test_an_api_server_that_is_away_for_a_moment_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9")))

    left = not_ready(Kube.connect(), [Manifest(World().objects["RayService/fraud"])])

    assert left is not None
    assert "does not answer" in left


@settings(deadline=None)
@given(limit_s=st.floats(0, 100), every_s=st.floats(0.1, 30))
def test_waiting_ends_at_its_limit(limit_s: float, every_s: float) -> None:
    paused = list[float]()

    with pytest.raises(NotInTime, match="a train"):
        Patience(limit_s, every_s=every_s, pause=paused.append).wait(lambda: "a train", lambda _: None)

    assert sum(paused) == pytest.approx(limit_s)
    assert all(seconds <= every_s for seconds in paused)


@settings(deadline=None)
@given(st.permutations(sorted(World().objects)))
def test_the_order_does_not_hang_on_the_order_of_files(names: list[str]) -> None:
    world = World()
    found = [{manifest.kind for manifest in stage} for stage in stages(Manifest(world.objects[one]) for one in names)]
    expected = [{manifest.kind for manifest in stage} for stage in stages(map(Manifest, world.objects.values()))]
    assert found == expected
    assert found[0] == {"Namespace"}
