"""What the cluster stands on: one stack, shown before it is made, whose ids come into the site's values."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.deployments.cluster.foundation_values import site_key
from fraudray.deployments.cluster.site_values import site_values
from tests.kuberay.cloud import Cloud
from tests.kuberay.cloud_formation import CloudFormation, read
from tests.kuberay.conftest import Run
from tests.kuberay.terminal import on_terminal
from tests.kuberay.tree import NAME, Tree

STACK = "fraud-foundation"
KUBERAY = Path(__file__).parents[2] / "kuberay"
OVERLAYS = ["cpu-only", "g6-single", "p4d-efa", "p4d-single", "spot"]


@pytest.fixture
def formation(cloud: Cloud) -> CloudFormation:
    """The account's stacks."""
    return cloud.formation


def test_it_is_made_with_the_sites_values_and_its_ids_come_into_them(
    formation: CloudFormation, tree: Tree, run: Run
) -> None:
    ended = run("foundation", NAME, "--yes", "--json")

    assert ended.code == 0
    assert {one["name"] for one in ended.json["changes"]} == {"Vpc", "Key", "Reports", "Lustre", "Log"}
    assert formation.stacks[STACK]["StackStatus"] == "CREATE_COMPLETE"
    assert formation.stacks[STACK]["parameters"] == {
        "ClusterName": "fraud", "VpcCidr": "10.7.0.0/16", "ReportsBucket": "example-reports", "WithModel": "true",
        "LogName": "requests",
    }  # fmt: skip
    values = site_values(tree.site)
    assert values["VPC_ID"] == "made-VpcId"
    assert values["KMS_KEY_ARN"] == "made-KmsKeyArn"
    assert "FSX_FILE_SYSTEM=made-FsxFileSystem" in ended.json["site_lines"]
    assert len(ended.json["site_lines"]) == 3


def test_made_again_nothing_changes(formation: CloudFormation, tree: Tree, run: Run) -> None:
    run("foundation", NAME, "--yes")
    text = tree.site.read_text("utf-8")

    ended = run("foundation", NAME)  # nobody has to be asked

    assert ended.code == 0
    assert "Nothing is to be changed" in ended.out
    assert "every value is as it was" in ended.error
    assert tree.site.read_text("utf-8") == text
    assert formation.asked.count("ExecuteChangeSet") == 1
    assert formation.asked[-2:] != ["DeleteStack"]
    assert "DeleteChangeSet" in formation.asked


def test_it_is_shown_with_what_it_costs_and_nothing_is_made_without_a_word(
    formation: CloudFormation, tree: Tree, run: Run
) -> None:
    before = tree.site.read_text("utf-8")

    ended = run("foundation", NAME)

    assert ended.code == 4
    assert "1 × AWS::KMS::Key" in ended.out
    assert "USD a day: PostgreSQL" in ended.out
    assert "FSx for Lustre" in ended.out
    assert formation.stacks == {}  # nor is a change set left behind
    assert tree.site.read_text("utf-8") == before


@pytest.mark.parametrize(("answer", "there"), [("y", ["CREATE_COMPLETE"]), ("n", [])])
def test_on_a_terminal_it_is_asked_for(formation: CloudFormation, tree: Tree, answer: str, there: list[str]) -> None:
    told = on_terminal("foundation", NAME, answer=answer)

    assert f"Make {STACK}?" in told.text
    assert [one["StackStatus"] for one in formation.stacks.values()] == there


def test_another_value_is_set_and_kept_by_the_next_change(formation: CloudFormation, tree: Tree, run: Run) -> None:
    run("foundation", NAME, "--yes", "--set", "LogName=mine")
    tree.site.write_text(tree.site.read_text("utf-8").replace("10.7.0.0/16", "10.8.0.0/16"), encoding="utf-8")

    ended = run("foundation", NAME, "--yes", "--json")

    assert ended.json["created"] is False
    assert [(one["action"], one["name"]) for one in ended.json["changes"]] == [("Modify", "Vpc")]
    assert formation.stacks[STACK]["parameters"]["LogName"] == "mine"
    assert formation.stacks[STACK]["parameters"]["VpcCidr"] == "10.8.0.0/16"


def test_what_is_lost_is_named_before(formation: CloudFormation, tree: Tree, run: Run) -> None:
    run("foundation", NAME, "--yes")
    text = "".join(
        line
        for line in tree.foundation.read_text("utf-8").splitlines(keepends=True)
        if not line.startswith(("  Log:", "  Key:"))
    )
    tree.foundation.write_text(text, encoding="utf-8")
    tree.site.write_text(tree.site.read_text("utf-8").replace("example-reports", "other-reports"), encoding="utf-8")

    ended = run("foundation", NAME)

    assert ended.code == 4
    assert "Log is removed: what is in it may go." in ended.out
    assert "Reports is replaced: what is in it may go." in ended.out
    assert "what was stays, outside the stack" in ended.out
    assert "Key is removed" not in ended.out
    assert formation.asked.count("ExecuteChangeSet") == 1


def test_it_is_waited_for_and_told_what_is_under_way(formation: CloudFormation, tree: Tree, run: Run) -> None:
    formation.slow = True

    ended = run("foundation", NAME, "--yes")

    assert ended.code == 0
    assert f"change set of {STACK}: CREATE_PENDING" in ended.error
    assert "CREATE_IN_PROGRESS" in ended.error
    assert site_values(tree.site)["VPC_ID"] == "made-VpcId"


def test_what_fails_is_told_with_its_reason_and_the_way_on(formation: CloudFormation, tree: Tree, run: Run) -> None:
    formation.fails = "The bucket is somebody else's"

    ended = run("foundation", NAME, "--yes")

    assert ended.code == 5
    assert "ended as ROLLBACK_COMPLETE" in ended.error
    assert "CREATE_FAILED: The bucket is somebody else's" in ended.error
    assert "Before" not in ended.error  # a failure of an earlier change
    assert f"aws cloudformation delete-stack --stack-name {STACK}" in ended.error
    assert site_values(tree.site)["VPC_ID"] == "vpc-1"

    again = run("foundation", NAME, "--yes")
    assert again.code == 4
    assert "is ROLLBACK_COMPLETE" in again.error

    del formation.stacks[STACK]
    formation.fails = None
    assert run("foundation", NAME, "--yes").code == 0


def test_a_change_that_fails_leaves_what_was(formation: CloudFormation, tree: Tree, run: Run) -> None:
    run("foundation", NAME, "--yes")
    formation.fails = "no such class here"

    ended = run("foundation", NAME, "--yes", "--set", "LogName=mine")

    assert ended.code == 5
    assert "no such class here" in ended.error
    assert formation.stacks[STACK]["parameters"]["LogName"] == "requests"
    formation.fails = None
    assert run("foundation", NAME, "--yes", "--set", "LogName=mine").code == 0


def test_an_output_that_the_site_has_no_line_for_is_told(formation: CloudFormation, tree: Tree, run: Run) -> None:
    tree.site.write_text(tree.site.read_text("utf-8").replace("VPC_ID=vpc-1\n", ""), encoding="utf-8")

    ended = run("foundation", NAME, "--yes")

    assert ended.code == 0
    assert "site.env has no VPC_ID; it would be made-VpcId" in ended.error


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OTHER_ZONE=eu-west-1a", "GPU_ZONE and OTHER_ZONE are both eu-west-1a"),
        ("OTHER_ZONE=us-east-1a", "OTHER_ZONE=us-east-1a is not a zone of eu-west-1"),
        ("OTHER_ZONE=", "site.env has no OTHER_ZONE"),
    ],
)
def test_a_value_that_does_not_do_is_named(
    formation: CloudFormation, tree: Tree, run: Run, line: str, words: str
) -> None:
    tree.site.write_text(tree.site.read_text("utf-8").replace("OTHER_ZONE=eu-west-1b", line), encoding="utf-8")

    ended = run("foundation", NAME, "--yes")

    assert ended.code == 2
    assert words in ended.error
    assert formation.stacks == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("DatabaseGb", "write a parameter of the template and its value"),
        ("LogName=", "write a parameter of the template and its value"),
        ("VpcCidr=10.0.0.0/16", "that comes from site.env"),
        ("Nothing=1", "the template has no such parameter; it has LogName"),
    ],
)
def test_a_value_to_set_that_does_not_do_is_refused(
    formation: CloudFormation, run: Run, given: str, words: str
) -> None:
    ended = run("foundation", NAME, "--yes", "--set", given)

    assert ended.code == 2
    assert words in ended.error
    assert formation.stacks == {}


def test_without_a_template_it_is_another_tools(cloud: Cloud, tree: Tree, run: Run) -> None:
    tree.foundation.unlink()

    ended = run("foundation", NAME, "--yes")

    assert ended.code == 2
    assert "made by another tool" in ended.error


@given(st.lists(st.from_regex(r"[A-Z][a-z0-9]+", fullmatch=True), min_size=1, max_size=4))
def test_a_name_of_the_template_is_one_of_the_site(words: list[str]) -> None:
    assert site_key("".join(words)) == "_".join(word.upper() for word in words)


def template() -> dict[str, Any]:
    return read((KUBERAY / "foundation" / "foundation.yaml").read_text("utf-8"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ours_fills_in_what_each_overlay_wants(
    formation: CloudFormation, run: Run, tmp_path: Path, overlay: str
) -> None:
    shutil.copytree(KUBERAY, tmp_path / "ours")
    site = tmp_path / "ours" / "site" / "site.env"
    before = site_values(site)
    formation.pages = 30

    ended = run("foundation", tmp_path / "ours" / "overlays" / overlay, "--yes", "--json")

    assert ended.code == 0
    chosen = {key for key, value in site_values(site).items() if value.startswith("made-")}
    text = site.read_text("utf-8")
    asked_for = text[text.index("# What AWS chose") : text.index("# Change it to any other value")]
    wanted = {key for key in before if f"\n{key}=" in asked_for}
    model = {key for key in wanted if key.startswith(("FSX", "MODELS"))}
    assert wanted - chosen == (set() if overlay == "p4d-efa" else {"PLACEMENT_GROUP"}) | (
        model if overlay == "cpu-only" else set()
    )
    assert chosen <= wanted


def linted(file: Path) -> str:
    """What cfn-lint says, by AWS's own schemas of each resource."""
    program = Path(sys.executable).with_name("cfn-lint")
    command = [program, "--format", "parseable", "--regions", "us-east-1", "--template", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_ours_is_as_aws_takes_it() -> None:
    assert linted(KUBERAY / "foundation" / "foundation.yaml") == ""


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("!Ref GpuSubnet, !Ref OtherSubnet", "!Ref GpuSubnet, !Ref ThirdSubnet", "ThirdSubnet"),
        ("RetentionInDays: 365", "RetentionInDays: 366", "366"),
        ("MultiAZ: true", "MultiZone: true", "MultiZone"),
    ],
)
def test_what_aws_would_not_take_is_found(tmp_path: Path, right: str, wrong: str, words: str) -> None:
    text = (KUBERAY / "foundation" / "foundation.yaml").read_text("utf-8")
    assert right in text
    (tmp_path / "broken.yaml").write_text(text.replace(right, wrong), encoding="utf-8")

    assert words in linted(tmp_path / "broken.yaml")


def test_ours_keeps_data_encrypts_it_and_is_reached_from_within_only() -> None:
    resources = template()["Resources"]
    kinds = Counter(one["Type"] for one in resources.values())
    of = {kind: [one for one in resources.values() if one["Type"] == kind] for kind in kinds}

    for kind in ("AWS::S3::Bucket", "AWS::EFS::FileSystem", "AWS::KMS::Key", "AWS::RDS::DBInstance"):
        assert {one["DeletionPolicy"] for one in of[kind]} <= {"Retain", "Snapshot"}
        assert all(one["DeletionPolicy"] == one["UpdateReplacePolicy"] for one in of[kind])
    key = {"Fn::GetAtt": "Key.Arn"}
    for kind in ("AWS::RDS::DBInstance", "AWS::EFS::FileSystem", "AWS::FSx::FileSystem"):
        assert [one["Properties"]["KmsKeyId"] for one in of[kind]] == [key] * kinds[kind]
    assert all(one["Properties"]["KmsKeyId"] == {"Ref": "Key"} for one in of["AWS::SecretsManager::Secret"])
    assert all(one["Properties"]["BucketEncryption"] for one in of["AWS::S3::Bucket"])
    for one in of["AWS::EC2::SecurityGroup"]:
        rules = one["Properties"]["SecurityGroupIngress"] + one["Properties"]["SecurityGroupEgress"]
        assert {rule["CidrIp"]["Ref"] for rule in rules} <= {"VpcCidr", "AdminCidr"}
    assert "password" not in str({name: one.get("Default") for name, one in template()["Parameters"].items()}).lower()


def test_ours_makes_the_secrets_that_need_nobody_and_names_them_as_the_overlay_does() -> None:
    asked_for: set[str] = set()
    for file in [*KUBERAY.glob("base/**/*.yaml"), *KUBERAY.glob("components/**/*.yaml")]:
        asked_for |= {
            line.split("key:")[1].strip()
            for line in file.read_text("utf-8").splitlines()
            if line.strip().startswith("key: fraudray/")
        }
    secrets = [one["Properties"] for one in template()["Resources"].values() if "::Secret" in one["Type"]]
    made = {one["Name"] for one in secrets if isinstance(one["Name"], str)}

    assert asked_for - made == {"fraudray/page-oidc", "fraudray/metrics"}  # of the identity provider; an API key
    assert made <= asked_for
