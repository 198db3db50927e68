"""Evidence from a Python class of an installed package: in every face, and whatever the class does."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import PolicyError
from fraudray.policy.policy import Policy
from fraudray.service import LocalService
from fraudray.tools.provider import MountedProvider
from tests.own.packages import Install
from tests.own.policies import HEAD, LISTED, QUIET, TAIL, written
from tests.tools.asking import ask

Make = Callable[..., dict[str, Any]]
EVIDENCE = "evidence:\n  merchant-watch: {}\n"
WATCH = """\
    from fraudray.plugin import Fact

    class Watch:
        local = True
        facts = (
            Fact("watch_listed", "bool", "is watched", item="merchant", key="listed"),
            Fact("watch_days", "int", "since so many days", item="merchant", key="days"),
            Fact("watch_note", "string", "why it is watched", item="merchant", key="note"),
        )

        def gather(self, inquiry):
            return {"merchant": {"listed": inquiry.tx.merchant == "Kiosk", "days": 12, "note": "on the list"}}
"""


def watch(gather: str, *, head: str = "local = True") -> str:
    """The class with another `gather`, and what stands before it."""
    code = WATCH.replace("local = True", head)
    return code[: code.index("return {")] + gather + "\n"


@pytest.fixture
def deciding(make_app: Callable[..., App], tmp_path: Path, install: Install) -> Callable[..., App]:
    """An App whose policy asks the class in `code`."""

    def make(code: str = WATCH, *, middle: str = EVIDENCE, rules: str = LISTED, **settings: Any) -> App:
        install(code, evidence={"merchant-watch": "Watch"})
        return make_app(policy_file=written(tmp_path, middle, rules=rules), **settings)

    return make


def test_facts_of_a_class_are_weighed_shown_and_explained(deciding: Callable[..., App], plain: Make) -> None:
    app = deciding()
    row = plain(merchant="Kiosk")
    decision = app.engine.decide(row)
    assert (decision.decision, decision.score) == (Outcome.REVIEW, 50)
    (reason,) = decision.reasons
    assert (reason.text, reason.evidence) == ("on the list since 12 d", ["merchant-watch/merchant"])
    assert decision.evidence["merchant-watch"].items == {
        "merchant": {"listed": True, "days": 12, "note": "on the list"}
    }
    assert app.engine.decide(plain(merchant="Bakery")).decision is Outcome.APPROVE
    explained = LocalService(app).explain(row | {"transaction_id": "T-other"})
    (listed,) = [rule for rule in explained["rules"] if rule["id"] == "listed"]
    assert (listed["state"], listed["points"], listed["values"]) == ("held", 50, {"watch_listed": True})
    assert "merchant-watch-unavailable" in [rule["id"] for rule in explained["rules"]]
    stored = app.store.cases.decision(decision.transaction_id)
    assert stored.evidence["merchant-watch"].items == decision.evidence["merchant-watch"].items


def test_the_mcp_tools_stay_as_they_are(deciding: Callable[..., App], plain: Make) -> None:
    answer = ask(
        "transaction-risk", MountedProvider(deciding()), "check_transaction_risk",
        {"transaction_id": "T", "customer_id": "C-12345", "amount": "20", "merchant": "Kiosk", "location": "Oslo",
         "transaction_time": None},
    )  # fmt: skip
    assert not answer.is_error
    assert answer.document["risk_score"] == 0
    assert {evidence.split("/")[0] for evidence in answer.document["evidence"]} == {"transaction-risk"}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("from nowhere import x", "cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("def Watch(): ...", "is no class with a method `gather`"),
        ("class Watch:\n    facts = ()", "is no class with a method `gather`"),
        ("class Watch:\n    def gather(self, inquiry): ...", "has no `facts`"),
        ("class Watch:\n    facts = ()\n    def gather(self, inquiry): ...", "has no `facts`"),
        (WATCH.replace('"watch_days"', '"amount_base"'), "states amount_base, which is the name of another fact"),
        (WATCH.replace('"watch_days"', '"watch_note"'), "states watch_note, which is the name of another fact"),
        (WATCH.replace('"watch_days"', '"size"'), "states size, which is a word of the rule language"),
        (WATCH.replace('"watch_days"', '"Days"'), "'Days', which is no usable fact"),
        (WATCH.replace('"int"', '"integer"'), "'watch_days', which is no usable fact"),
        (WATCH.replace('"int"', "[]"), "'watch_days', which is no usable fact"),
        (WATCH.replace('key="days"', 'key=""'), "an item and a key"),
        (WATCH.replace("local = True", "limit_s = 60"), "limit_s is not above 0 and at most 1.5 seconds"),
    ],
    ids=lambda value: value[-40:],
)
def test_a_class_that_cannot_be_used_is_refused_with_its_place(
    install: Install, tmp_path: Path, code: str, says: str
) -> None:
    install(code, evidence={"merchant-watch": "Watch"})
    with pytest.raises(PolicyError) as caught:
        Policy.load(written(tmp_path, EVIDENCE))
    assert says in caught.value.message
    assert (caught.value.line, caught.value.column) == (6, 19)


def test_what_is_not_installed_or_installed_twice_is_said(install: Install, tmp_path: Path) -> None:
    install(WATCH, evidence={"other-watch": "Watch"})
    policy = written(tmp_path, EVIDENCE)
    with pytest.raises(PolicyError, match=r"offers merchant-watch \(entry points fraudray.evidence: other-watch\)"):
        Policy.load(policy)
    packages = sorted(install(WATCH, evidence={"merchant-watch": "Watch"}) for _ in range(2))
    with pytest.raises(PolicyError, match=f"several installed packages offer merchant-watch .{', '.join(packages)}"):
        Policy.load(policy)


def test_a_class_that_cannot_be_built_is_refused_at_the_start(
    deciding: Callable[..., App], make_app: Callable[..., App]
) -> None:
    code = WATCH.replace("local = True", "local = True\n        def __init__(self): raise OSError('no list here')")
    with pytest.raises(PolicyError, match="merchant-watch cannot be set up: OSError: no list here"):
        deciding(code)
    make_app()


BAD = {
    "raise ValueError(inquiry.tx.merchant)": "failed: ValueError",
    "raise SystemExit": "failed: tried to end the process",
    "return None": "failed: answered no mapping of at most 32 items",
    "return {'merchant': 3}": "failed: the item merchant is no mapping of at most 64 values",
    "return {'merchant': {'listed': 'yes'}}": "failed: watch_listed is str, not bool",
    "return {'merchant': {'days': True}}": "failed: watch_days is bool, not int",
    "return {'merchant': {'days': float('nan')}}":
        "failed: merchant.days is float, not text, a number in range, true, false or null",
    "return {'merchant': {'days': 2**70}}":
        "failed: merchant.days is int, not text, a number in range, true, false or null",
    "return {'merchant': {'x': [1]}}":
        "failed: merchant.x is list, not text, a number in range, true, false or null",
    "return {'merchant': {'x': 4111111111111111}}": "failed: merchant.x is a card number",
    "return {'merchant': {1: 1}}": "failed: a name in its answer is int, not text",
    "return {str(n): {} for n in range(33)}": "failed: answered no mapping of at most 32 items",
    "return {'merchant': {str(n): 1 for n in range(65)}}":
        "failed: the item merchant is no mapping of at most 64 values",
}  # fmt: skip


@pytest.mark.parametrize("local", [True, False], ids=["local", "in threads"])
@pytest.mark.parametrize("gather", BAD)
def test_whatever_a_class_does_the_decision_is_made_and_nothing_passes(
    deciding: Callable[..., App], plain: Make, caplog: pytest.LogCaptureFixture, gather: str, local: bool
) -> None:
    app = deciding(watch(gather, head=f"local = {local}; limit_s = 1.5"))
    decision = app.engine.decide(plain(merchant="Very Private Name"))
    assert decision.decision is Outcome.REVIEW
    assert [reason.code for reason in decision.reasons] == ["EVIDENCE_UNAVAILABLE"]
    assert decision.evidence["merchant-watch"].error == BAD[gather]
    assert "Very Private Name" not in caplog.text
    assert "merchant-watch failed" in caplog.text
    app.store.cases.decision(decision.transaction_id)


def test_text_of_a_class_is_bounded_masked_and_can_be_stored(deciding: Callable[..., App], plain: Make) -> None:
    text = '"4111-1111-1111-1111 \\ud800\\x00\\n" + "x" * 2_000_000'
    name = '"5500 0000 0000 0004"'
    app = deciding(watch(f"return {{'merchant': {{'listed': True, 'days': 1, 'note': {text}, {name}: 1}}}}"))
    decision = app.engine.decide(plain())
    note = decision.reasons[0].text
    assert note.startswith("****-****-****-1111 ?  x")
    assert len(note) < 600
    assert "**** **** **** 0004" in decision.evidence["merchant-watch"].items["merchant"]
    assert app.store.cases.decision(decision.transaction_id).reasons[0].text == note


def test_optional_evidence_that_fails_is_done_without(deciding: Callable[..., App], plain: Make) -> None:
    app = deciding(watch("raise ValueError"), middle="evidence:\n  merchant-watch: {optional: true}\n")
    decision = app.engine.decide(plain())
    assert (decision.decision, decision.reasons) == (Outcome.APPROVE, [])
    assert decision.evidence["merchant-watch"].status == "unavailable"


def test_what_is_not_known_is_weighed_by_no_rule(deciding: Callable[..., App], plain: Make) -> None:
    app = deciding(watch('return {"merchant": inquiry.absent("mcc")}'))
    decision = app.engine.decide(plain())
    assert (decision.decision, decision.reasons) == (Outcome.APPROVE, [])
    assert decision.evidence["merchant-watch"].items == {"merchant": {"status": "not_given"}}


def test_a_slow_class_is_late_by_its_own_limit_and_others_are_not_held_up(
    deciding: Callable[..., App], plain: Make
) -> None:
    """It does not answer in time: 40 decisions take all of its threads, and none of anything else."""
    gate = "import threading; threading.Event().wait(10)"
    app = deciding(watch(gate, head="limit_s = 0.05"))
    began = time.perf_counter()
    decisions = [app.engine.decide(plain()) for _ in range(40)]
    assert time.perf_counter() - began < 30
    assert {decision.decision for decision in decisions} == {Outcome.REVIEW}
    assert {decision.evidence["merchant-watch"].error for decision in decisions} == {"no answer within 50 ms"}
    assert len([t for t in threading.enumerate() if t.name == "fraudray-merchant-watch"]) <= 32


def test_a_hanging_class_keeps_no_process_from_ending(tmp_path: Path, install: Install, plain: Make) -> None:
    hanging = watch("import threading; threading.Event().wait()", head="limit_s = 0.05")
    install(hanging, evidence={"merchant-watch": "Watch"})
    file = written(tmp_path, EVIDENCE, rules=LISTED)
    code = (
        "import json, sys; from fraudray import Engine\n"
        "with Engine.from_settings() as engine: print(engine.decide(json.loads(sys.argv[1])).decision)"
    )
    environment = {
        "PYTHONPATH": str(tmp_path / "site-packages"), "FRAUDRAY_POLICY_FILE": str(file),
        "FRAUDRAY_DATA_DIR": str(tmp_path / "data"),
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", code, json.dumps(plain())], env=os.environ | environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert ran.stdout == "REVIEW\n", ran.stderr


def test_a_class_is_closed_with_its_policy(deciding: Callable[..., App], tmp_path: Path, plain: Make) -> None:
    mark = tmp_path / "closed"
    app = deciding(WATCH + f"        def close(self): open({str(mark)!r}, 'x').close()\n")
    app.engine.decide(plain())
    app.close()
    assert mark.exists()


def test_a_policy_with_a_class_travels_between_processes(install: Install, tmp_path: Path) -> None:
    install(WATCH, evidence={"merchant-watch": "Watch"})
    policy = Policy.load(written(tmp_path, EVIDENCE))
    copy = pickle.loads(pickle.dumps(policy))  # noqa: S301 - our own bytes
    assert (copy.ref, copy.catalogue) == (policy.ref, policy.catalogue)


def test_the_library_imports_no_mcp_unless_a_policy_asks(tmp_path: Path) -> None:
    code = (
        "import sys; from fraudray import Engine; import fraudray.plugin\n"
        "with Engine.from_settings() as engine: pass\n"
        "print([name for name in ('mcp', 'httpx2', 'anyio.from_thread') if name in sys.modules])"
    )
    environment = os.environ | {"FRAUDRAY_DATA_DIR": str(tmp_path / "data")}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert ran.stdout == "[]\n", ran.stderr


def test_over_http_a_failing_class_is_no_server_error(
    deciding: Callable[..., App], plain: Make, caplog: pytest.LogCaptureFixture
) -> None:
    app = deciding(
        watch("if inquiry.tx.merchant == 'Bad': raise ValueError\n            return {}", head="limit_s = 1")
    )
    with TestClient(build_gateway(app), base_url="http://127.0.0.1:8000") as http:
        bad = [http.post("/v1/decisions", json=plain(merchant="Bad")) for _ in range(5)]
        good = http.post("/v1/decisions", json=plain())
        explained = http.get(f"/v1/decisions/{bad[0].json()['transaction_id']}")
    assert [answer.status_code for answer in (*bad, good, explained)] == [201] * 6 + [200]
    assert {answer.json()["decision"] for answer in bad} == {"REVIEW"}
    assert explained.json()["evidence"]["merchant-watch"]["error"] == "failed: ValueError"
    assert good.json()["decision"] == "APPROVE"
    assert caplog.text.count("merchant-watch failed") == 1  # not once for each decision
    assert caplog.text.count("merchant-watch answers again") == 1


def test_policy_check_says_where(install: Install, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from fraudray.cli.root import app

    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + EVIDENCE + QUIET + TAIL)
    ran = CliRunner().invoke(app, ["policy", "check", str(file)])
    assert ran.exit_code == 1
    assert f"{file}:6:19: no installed package offers merchant-watch" in ran.output
    install(WATCH, evidence={"merchant-watch": "Watch"})
    assert CliRunner().invoke(app, ["policy", "check", str(file)]).exit_code == 0
