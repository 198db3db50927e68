"""The three read tools: thin faces over what the engine sees, and nothing else."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.evidence.context import Inquiry
from fraudray.service import parse_profiles
from fraudray.settings import load_settings
from fraudray.tools.provider import MountedProvider
from tests.tools.asking import ask
from tests.tools.conftest import Ask

RISK, IDENTITY, GEO = "transaction-risk", "identity-verifier", "geolocation-checker"
CARD = "4111 1111 1111 1111"


def risk_arguments(tx: dict[str, Any], **more: Any) -> dict[str, Any]:
    wanted = ("transaction_id", "customer_id", "amount", "merchant", "location", "card_present", "merchant_category")
    return {name: tx[name] for name in wanted} | {"transaction_time": None} | more


def ask_all(call: Ask, tx: dict[str, Any], minutes: float) -> dict[str, Any]:
    """The three tools' evidence of one transaction, as an agent would ask for it."""
    answers = [
        call(RISK, "check_transaction_risk", **risk_arguments(tx)),
        call(
            IDENTITY, "verify_customer_identity", customer_id=tx["customer_id"], device_fingerprint=tx["device_id"],
            ip_address=tx["ip_address"],
        ),
        call(
            GEO, "check_geolocation_risk", customer_id=tx["customer_id"], current_location=tx["location"],
            previous_transaction_location=tx["previous_location"], time_difference_minutes=minutes,
            ip_address=tx["ip_address"], card_present=tx["card_present"],
        ),
    ]  # fmt: skip
    return {name: item for answer in answers for name, item in answer["evidence"].items()}


@pytest.mark.parametrize(("index", "minutes"), [(0, 120), (1, 30), (2, 1440)])
def test_the_three_tools_find_what_the_engine_finds(
    app: App, call: Ask, samples: list[dict[str, Any]], index: int, minutes: float
) -> None:
    asked = ask_all(call, samples[index], minutes)
    decision = app.engine.decide(samples[index])
    found = {
        f"{tool}/{name}": item for tool, evidence in decision.evidence.items() for name, item in evidence.items.items()
    }
    assert asked == found


def test_a_score_is_the_policy_on_this_tools_evidence_alone(app: App, call: Ask, samples: list[dict[str, Any]]) -> None:
    answer = call(RISK, "check_transaction_risk", **risk_arguments(samples[1]))
    reasons = [r for r in app.engine.decide(samples[1]).reasons if all(e.startswith(RISK) for e in r.evidence)]
    assert answer["risk_score"] == sum(reason.points for reason in reasons)
    assert {i["code"] for i in answer["risk_indicators"]} == {reason.code for reason in reasons}
    assert all(cited in answer["evidence"] for reason in answer["reasons"] for cited in reason["evidence"])
    assert answer["policy"] == app.policy.ref.model_dump()
    assert answer["risk_category"] == "MEDIUM"
    assert answer["recommendation"] == "Manual review recommended"


def test_read_tools_change_no_state(app: App, call: Ask, samples: list[dict[str, Any]]) -> None:
    app.engine.decide(samples[0])
    before = dump(app.settings.data_dir)
    for tx in samples:
        ask_all(call, tx, 30)
    assert dump(app.settings.data_dir) == before


def dump(data_dir: Path) -> list[str]:
    """Everything that the database holds, but for the audit seals, which come by the clock."""
    with sqlite3.connect(data_dir / "fraudray.sqlite") as connection:
        return [line for line in connection.iterdump() if "seal" not in line.split("(")[0]]


def test_what_is_missing_is_not_given_and_never_guessed(call: Ask) -> None:
    risk = call(
        RISK, "check_transaction_risk", transaction_id="T", customer_id="C-new", amount=12.5, merchant="Shop",
        location="", transaction_time="",
    )  # fmt: skip
    assert risk["evidence"][f"{RISK}/country"] == {"status": "not_given"}
    assert risk["evidence"][f"{RISK}/hour"] == {"status": "not_given"}
    identity = call(IDENTITY, "verify_customer_identity", customer_id="C-new", device_fingerprint=None, ip_address="")
    assert identity["verification_status"] == "UNKNOWN"
    assert identity["evidence"][f"{IDENTITY}/device"] == {"status": "not_given"}
    geo = call(
        GEO, "check_geolocation_risk", customer_id="C-new", current_location="Oslo, Norway",
        previous_transaction_location="", time_difference_minutes="",
    )  # fmt: skip
    assert geo["travel_feasible"] is None
    assert geo["distance_miles"] is None
    assert "not given" in geo["reason"]


def test_card_present_is_false_by_default_unless_a_channel_says_otherwise(
    call: Ask, samples: list[dict[str, Any]]
) -> None:
    arguments = risk_arguments(samples[0])
    del arguments["card_present"]
    left_out = call(RISK, "check_transaction_risk", **arguments)
    assert left_out["evidence"][f"{RISK}/channel"] == {"card_present": False, "channel": None}
    unknown = call(RISK, "check_transaction_risk", **arguments, card_present=None)
    assert unknown["evidence"][f"{RISK}/channel"] == {"status": "not_given"}
    terminal = call(RISK, "check_transaction_risk", **arguments, channel="pos")
    assert terminal["evidence"][f"{RISK}/channel"] == {"card_present": True, "channel": "pos"}


@pytest.mark.parametrize(
    ("customer", "device", "address", "status", "matched", "failed"),
    [
        ("C-12345", "dev-abc123", "192.168.1.100", "VERIFIED", ["device_fingerprint", "ip_address"], []),
        ("C-12345", "dev-abc123", None, "VERIFIED", ["device_fingerprint"], []),
        ("C-12345", None, "10.0.0.50", "PARTIAL", ["ip_address"], []),
        ("C-12345", "dev-abc123", "8.8.8.8", "PARTIAL", ["device_fingerprint"], ["ip_address"]),
        ("C-12345", "dev-new", "10.0.0.50", "PARTIAL", ["ip_address"], ["device_fingerprint"]),
        ("C-12345", "dev-new", "8.8.8.8", "FAILED", [], ["device_fingerprint", "ip_address"]),
        ("C-67890", "dev-xyz789", "172.16.0.20", "FAILED", ["ip_address"], ["device_fingerprint"]),
        ("C-stranger", "dev-abc123", None, "FAILED", [], ["device_fingerprint"]),
        ("C-stranger", "dev-new", "192.0.2.7", "UNKNOWN", [], []),
    ],
)  # fmt: skip
def test_verification_follows_from_facts(
    call: Ask, customer: str, device: str | None, address: str | None, status: str, matched: list[str],
    failed: list[str],
) -> None:  # fmt: skip
    answer = call(
        IDENTITY, "verify_customer_identity", customer_id=customer, device_fingerprint=device, ip_address=address
    )
    assert (answer["verification_status"], answer["matched_factors"], answer["failed_factors"]) == (
        status, matched, failed,
    )  # fmt: skip
    assert answer["confidence_score"] == 100 - answer["risk_score"]


@pytest.mark.parametrize(
    ("enrolled", "sent", "status"),
    [
        ("sample-1", "sample-1", "VERIFIED"),
        ("sample-1", "sample-2", "FAILED"),
        ('{"iris":"x","ridge":[1,2]}', {"ridge": [1, 2], "iris": "x"}, "VERIFIED"),
    ],
)
def test_a_biometric_sample_is_text_or_an_object(
    app: App, call: Ask, enrolled: str, sent: str | dict[str, Any], status: str
) -> None:
    salt = "00" * 16
    digest = hashlib.sha256(bytes.fromhex(salt) + enrolled.encode()).hexdigest()
    profile = app.store.customers.get("C-45678").model_dump(mode="json")
    profile["biometric"] = {"salt": salt, "sha256": digest}
    app.store.customers.put(parse_profiles([profile]), actor="test", at=app.clock.now())
    answer = call(
        IDENTITY, "verify_customer_identity", customer_id="C-45678", device_fingerprint=None, ip_address=None,
        biometric_data=sent,
    )  # fmt: skip
    assert answer["verification_status"] == status


def test_a_sample_that_cannot_be_compared_is_no_failure_and_the_evidence_says_why(app: App, call: Ask) -> None:
    profile = app.store.customers.get("C-45678").model_dump(mode="json")
    profile["biometric"] = {"matcher": "acme-face", "template": "AAAA"}
    app.store.customers.put(parse_profiles([profile]), actor="test", at=app.clock.now())

    answer = call(
        IDENTITY, "verify_customer_identity", customer_id="C-45678", device_fingerprint="dev-ghi789", ip_address=None,
        biometric_data="x",
    )  # fmt: skip

    assert (answer["matched_factors"], answer["failed_factors"]) == (["device_fingerprint"], [])
    found = answer["evidence"]["identity-verifier/biometric"]
    assert (found["status"], found["matcher"]) == ("unavailable", "acme-face")
    assert answer["evidence"]["identity-verifier/device"]["customers"] == 1


@pytest.mark.parametrize(
    ("here", "before", "minutes", "feasible", "words"),
    [
        ("Tokyo, Japan", "Madrid, Spain", 60, False, "would need"),
        ("Tokyo, Japan", "Madrid, Spain", 3000, True, "is possible by air"),
        ("Portland, OR", "Seattle, WA", 240, True, "is possible by ground"),
        ("Seattle, WA", "Seattle, WA", 1, True, "same neighbourhood"),
        ("Qxzzyville", "Seattle, WA", 60, None, "is not a place that is known"),
        ("Seattle, WA", "Qxzzyville", 60, None, "is not a place that is known"),
        ("Seattle, WA", "Portland, OR", None, None, "the time between is not given"),
        (None, None, None, None, "are not given"),
    ],
)
def test_travel_is_judged_and_explained(
    call: Ask, here: str | None, before: str | None, minutes: float | None, feasible: bool | None, words: str
) -> None:
    answer = call(
        GEO, "check_geolocation_risk", customer_id="C-1", current_location=here, previous_transaction_location=before,
        time_difference_minutes=minutes,
    )  # fmt: skip
    assert answer["travel_feasible"] is feasible
    assert words in answer["reason"]
    if feasible is None:
        assert answer["required_speed_mph"] is None


def test_what_the_system_saw_last_stands_in_for_the_previous_place(app: App, call: Ask, plain: Any, clock: Any) -> None:
    app.engine.decide(plain(location="Seattle, WA"))
    clock.advance(minutes=30)
    answer = call(
        GEO, "check_geolocation_risk", customer_id="C-12345", current_location="Sydney, Australia",
        previous_transaction_location=None, time_difference_minutes=None,
    )  # fmt: skip
    assert answer["travel_feasible"] is False
    assert answer["evidence"][f"{GEO}/previous"]["source"] == "seen"


@pytest.mark.parametrize("written", ["2025-12-01 19:13:54", "2025-12-01T19:13:54.123", "2025-12-01T19:13"])
def test_a_time_without_its_zone_counts_as_not_given(call: Ask, samples: list[dict[str, Any]], written: str) -> None:
    answer = call(RISK, "check_transaction_risk", **risk_arguments(samples[0], transaction_time=written))
    assert answer["evidence"][f"{RISK}/hour"] == {"status": "not_given"}


def test_every_bad_argument_is_named_by_the_name_it_was_sent_under(call: Ask, samples: list[dict[str, Any]]) -> None:
    error = call(
        RISK, "check_transaction_risk",
        **risk_arguments(samples[0], transaction_time="last night", amount=-1, merchant="a\x07b"),
    ).error  # fmt: skip
    assert "- transaction_time: is not an RFC 3339 date-time with its zone, for example 2026-01-31T12:00:00Z" in error
    assert "- amount: " in error
    assert "- merchant: contains a control character" in error
    future = call(RISK, "check_transaction_risk", **risk_arguments(samples[0], transaction_time="2036-01-01T00:00:00Z"))
    assert "- transaction_time: lies more than five minutes in the future" in future.error
    yen = call(RISK, "check_transaction_risk", **risk_arguments(samples[0], amount=10.5, currency="JPY"))
    assert "- amount: " in yen.error
    refund = call(RISK, "check_transaction_risk", **risk_arguments(samples[0], transaction_type="refund"))
    assert "- original_transaction_id: " in refund.error
    geo = call(
        GEO, "check_geolocation_risk", customer_id="C", current_location="x" * 300,
        previous_transaction_location=None, time_difference_minutes=-3,
    )  # fmt: skip
    assert "- current_location: " in geo.error
    assert "- time_difference_minutes: " in geo.error


def test_a_misspelt_argument_is_refused_with_the_right_name(call: Ask, samples: list[dict[str, Any]]) -> None:
    error = call(RISK, "check_transaction_risk", **risk_arguments(samples[0], curency="EUR")).error
    assert "- curency: is not a parameter of this tool; did you mean currency?" in error


def test_no_card_number_comes_back(call: Ask, samples: list[dict[str, Any]]) -> None:
    told = [
        call(RISK, "check_transaction_risk", **risk_arguments(samples[0], merchant=f"Shop {CARD}", memo=CARD)),
        call(RISK, "check_transaction_risk", **risk_arguments(samples[0], customer_id=CARD.replace(" ", ""))),
        call(RISK, "check_transaction_risk", **risk_arguments(samples[0], currency=CARD, amount=CARD)),
        call(RISK, "check_transaction_risk", **risk_arguments(samples[0], **{CARD: 1})),
        call(RISK, CARD),
        call(
            GEO, "check_geolocation_risk", customer_id="C", current_location=f"Springfield {CARD}",
            previous_transaction_location=CARD, time_difference_minutes=CARD,
        ),
    ]  # fmt: skip
    assert [answer.is_error for answer in told] == [False, True, True, True, True, True]
    for answer in told:
        assert "4111" not in answer.text
        assert "411111" not in str(answer.document)


def test_markup_is_kept_as_sent_since_the_result_is_data(call: Ask, samples: list[dict[str, Any]]) -> None:
    hostile = "<script>alert('x')</script>"
    answer = call(RISK, "check_transaction_risk", **risk_arguments(samples[0], merchant=hostile))
    assert answer["evidence"][f"{RISK}/merchant"]["name"] == hostile


class BrokenPlaces:
    """A place service that is down."""

    name = GEO
    local = True
    limit_s = None

    def gather(self, inquiry: Inquiry) -> dict[str, dict[str, Any]]:
        raise ConnectionError(f"no answer about {inquiry.tx.location}")


def test_a_tool_that_cannot_find_its_evidence_says_so(tmp_path: Path) -> None:
    with App(load_settings(data_dir=tmp_path / "broken"), tools=[BrokenPlaces()], work=False) as app:
        answer = ask(
            GEO, MountedProvider(app), "check_geolocation_risk",
            {
                "customer_id": "C", "current_location": "Oslo", "previous_transaction_location": None,
                "time_difference_minutes": None,
            },
        )  # fmt: skip
    assert "geolocation-checker is unavailable (failed: ConnectionError)" in answer.error
    assert "Oslo" not in answer.error


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_both_protocol_generations_get_the_same_answer(app: App, samples: list[dict[str, Any]], mode: str) -> None:
    answer = ask(RISK, MountedProvider(app), "check_transaction_risk", risk_arguments(samples[0]), mode)
    assert answer["risk_score"] == 5
