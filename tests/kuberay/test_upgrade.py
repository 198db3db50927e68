"""Images changed and put back: in the site's values, in the cluster, and in what the cluster keeps of before."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.deployments.cluster.images import NOTE
from fraudray.deployments.cluster.site_values import put_values, site_values
from tests.kuberay.api_server import ApiServer
from tests.kuberay.cloud import Cloud
from tests.kuberay.conftest import Run, Serve
from tests.kuberay.live import kuberay
from tests.kuberay.tree import DIGEST, NAME, PAGE, SERVE, Tree

NEW = f"registry.example.com/serve@sha256:{'f' * 64}"
NEWER = f"registry.example.com/serve:1.4.0@{DIGEST}"
NEW_PAGE = "registry.example.com/page:1.3.0"


@pytest.fixture
def server(serve: Serve, run: Run, tree: Tree) -> ApiServer:
    """A cluster on which the overlay runs."""
    started = serve([])
    started.on_applied = kuberay
    assert run("deploy", NAME, "--yes").code == 0
    started.applied.clear()
    return started


def serves(server: ApiServer) -> str:
    head = server.stored("RayService", "fraud")["spec"]["rayClusterConfig"]["headGroupSpec"]
    return str(head["template"]["spec"]["containers"][0]["image"])


def shows(server: ApiServer) -> str:
    return str(server.stored("Deployment", "page")["spec"]["template"]["spec"]["containers"][0]["image"])


def test_an_upgrade_is_made_and_rolled_back(server: ApiServer, run: Run, tree: Tree) -> None:
    before = tree.site.read_text("utf-8")

    up = run("upgrade", NAME, "--image", f"serve={NEW}", "--yes")

    assert up.code == 0
    assert f"- IMAGE_SERVE={SERVE}\n+ IMAGE_SERVE={NEW}\n" in up.error
    assert tree.site.read_text("utf-8") == before.replace(SERVE, NEW)
    assert serves(server) == NEW
    assert server.applied == ["RayService/fraud"]

    back = run("rollback", NAME, "--yes")

    assert back.code == 0
    assert "restore its snapshot" in back.error
    assert tree.site.read_text("utf-8") == before
    assert serves(server) == SERVE


def test_a_second_rollback_does_nothing(server: ApiServer, run: Run, tree: Tree) -> None:
    run("upgrade", NAME, "--image", f"serve={NEW}", "--yes")
    run("rollback", NAME, "--yes")
    server.applied.clear()

    again = run("rollback", NAME)  # nobody needs to be asked

    assert again.code == 0
    assert serves(server) == SERVE
    assert server.applied == []


def test_of_two_upgrades_the_last_is_rolled_back(server: ApiServer, run: Run, tree: Tree) -> None:
    run("upgrade", NAME, "--image", f"serve={NEW}", "--yes")
    run("upgrade", NAME, "--image", f"serve={NEWER}", "--yes")

    assert run("rollback", NAME, "--yes").code == 0

    assert serves(server) == NEW


def test_a_deployment_keeps_what_ran_before(server: ApiServer, run: Run, tree: Tree) -> None:
    run("upgrade", NAME, "--image", f"serve={NEW}", "--yes")
    tree.world.put("ConfigMap/settings", "data", "FRAUDRAY_LOG_LEVEL", "DEBUG")
    tree.write()
    run("deploy", NAME, "--yes")

    assert run("rollback", NAME, "--yes").code == 0

    assert serves(server) == SERVE


def test_an_upgrade_that_stopped_half_way_goes_on_and_is_rolled_back_whole(
    server: ApiServer, run: Run, tree: Tree
) -> None:
    images = ["--image", f"serve={NEW}", "--image", f"page={NEW_PAGE}"]
    server.refuse("Deployment", "page", 422, "a webhook says no", dry_runs=False)

    assert run("upgrade", NAME, *images, "--yes").code == 4
    assert (serves(server), shows(server)) == (NEW, PAGE)

    server.allow_all()
    assert run("upgrade", NAME, *images, "--yes").code == 0
    assert (serves(server), shows(server)) == (NEW, NEW_PAGE)

    assert run("rollback", NAME, "--yes").code == 0
    assert (serves(server), shows(server)) == (SERVE, PAGE)


def test_the_same_upgrade_from_something_else_is_rolled_back_to_that(server: ApiServer, run: Run, tree: Tree) -> None:
    run("upgrade", NAME, "--image", f"serve={NEW}", "--yes")
    tree.site.write_text(tree.site.read_text("utf-8").replace(NEW, NEWER), encoding="utf-8")
    run("deploy", NAME, "--yes")  # by hand in between
    run("upgrade", NAME, "--image", f"serve={NEW}", "--yes")

    assert run("rollback", NAME, "--yes").code == 0

    assert serves(server) == NEWER


def test_with_nobody_to_ask_the_sites_values_are_as_they_were(server: ApiServer, run: Run, tree: Tree) -> None:
    before = tree.site.read_bytes()

    ended = run("upgrade", NAME, "--image", f"serve={NEW}")

    assert ended.code == 4
    assert tree.site.read_bytes() == before
    assert server.applied == []
    assert NOTE not in server.stored("RayService", "fraud")["metadata"].get("annotations", {})


def test_where_the_server_would_refuse_it_the_sites_values_are_as_they_were(
    server: ApiServer, run: Run, tree: Tree
) -> None:
    before = tree.site.read_bytes()
    server.refuse("RayService", "fraud", 422, "spec: Invalid value")

    assert run("upgrade", NAME, "--image", f"serve={NEW}", "--yes").code == 4
    assert tree.site.read_bytes() == before
    assert serves(server) == SERVE


@pytest.mark.parametrize(
    ("given_image", "words"),
    [
        (f"server={NEW}", "the names are page, serve"),
        ("serve", "names no image"),
        ("serve=registry.example.com/serve", "names no image"),
        ("serve=registry.example.com/serve@sha256:abc", "names no image"),
        ("serve=a:1\nIMAGE_PAGE=b:1", "names no image"),
    ],
)
def test_names_and_images_typed_wrong_are_told(
    server: ApiServer, run: Run, tree: Tree, given_image: str, words: str
) -> None:
    before = tree.site.read_bytes()

    ended = run("upgrade", NAME, "--image", given_image, "--yes")

    assert ended.code == 2
    assert words in ended.error
    assert tree.site.read_bytes() == before


def test_without_an_upgrade_there_is_nothing_to_roll_back(server: ApiServer, run: Run) -> None:
    ended = run("rollback", NAME, "--yes")

    assert ended.code == 2
    assert "has no upgrade noted" in ended.error


def test_a_note_that_cannot_be_read_is_told(server: ApiServer, run: Run) -> None:
    server.stored("RayService", "fraud")["metadata"]["annotations"] = {NOTE: "{}"}

    ended = run("rollback", NAME, "--yes")

    assert ended.code == 2
    assert f"its annotation {NOTE} cannot be read" in ended.error


def test_a_snapshot_is_taken_before(cloud: Cloud, server: ApiServer, run: Run) -> None:
    rds = cloud.moto.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="fraud-db", DBInstanceClass="db.m7g.large", Engine="postgres", AllocatedStorage=20,
        MasterUsername="fraud", MasterUserPassword="a-password-1",
    )  # fmt: skip

    ended = run("upgrade", NAME, "--image", f"serve={NEW}", "--snapshot", "fraud-db", "--yes")

    assert ended.code == 0
    (snapshot,) = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"].startswith("fraud-db-before-upgrade-")
    assert snapshot["DBSnapshotIdentifier"] in ended.error


def test_without_the_database_nothing_is_upgraded(cloud: Cloud, server: ApiServer, run: Run, tree: Tree) -> None:
    before = tree.site.read_bytes()

    ended = run("upgrade", NAME, "--image", f"serve={NEW}", "--snapshot", "fraud-db", "--yes")

    assert ended.code == 5
    assert "fraud-db not found" in ended.error
    assert tree.site.read_bytes() == before
    assert server.applied == []


_KEYS = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
_VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=12)


@settings(deadline=None)
@given(lines=st.dictionaries(_KEYS, _VALUES, min_size=1), data=st.data())
def test_only_the_lines_that_are_meant_change(lines: dict[str, str], data: st.DataObject) -> None:
    chosen = data.draw(st.dictionaries(st.sampled_from(sorted(lines)), _VALUES))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "site.env"
        text = "".join(f"# about {key}\n{key}={value}\n\n" for key, value in lines.items())
        file.write_text(text, encoding="utf-8")

        put_values(file, chosen)

        assert site_values(file) == lines | chosen
        assert file.read_text("utf-8").count("# about ") == len(lines)
        put_values(file, {key: lines[key] for key in chosen})
        assert file.read_text("utf-8") == text
