"""identity-verifier: matchers of biometric samples, first and last use, devices shared by customers."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import InvalidTransaction, SettingsError
from fraudray.evidence.biometrics import SaltedHash, find_matcher
from fraudray.features.state import microseconds
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]
PACKAGE = """
import base64
from fraudray.ports.biometrics import Match

class Face:
    name, limits = "acme-face", "a photograph may match"

    def check(self, template):
        if not base64.b64decode(template["template"]).startswith(b"face:"):
            raise ValueError("is no face")

    def enrol(self, sample):
        return {"matcher": self.name, "template": base64.b64encode(b"face:" + sample.encode()).decode()}

    def match(self, template, sample):
        enrolled = base64.b64decode(template["template"]).decode().removeprefix("face:")
        similarity = {"broken": 7.0}.get(sample, sum(a == b for a, b in zip(enrolled, sample)) / len(enrolled))
        return Match(similarity > 0.8, similarity)

class Nameless:
    limits = ""
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with matchers of its own."""
    site = tmp_path / "site"
    about = site / "acme_face-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "acme_face.py").write_text(PACKAGE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-face\nVersion: 1.0\n")
    points = ["acme-face = acme_face:Face", "nameless = acme_face:Nameless", "gone = acme_face:Gone"]
    (about / "entry_points.txt").write_text("\n".join(["[fraudray.biometrics]", *points, ""]))
    monkeypatch.syspath_prepend(site)


def evidence(decision: Decision, item: str) -> dict[str, Any]:
    found: dict[str, Any] = decision.evidence["identity-verifier"].items[item]
    return found


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


def face(sample: str) -> dict[str, Any]:
    return {"matcher": "acme-face", "template": base64.b64encode(b"face:" + sample.encode()).decode()}


def test_the_built_in_matcher_says_what_a_match_is_not(app: App, plain: Make) -> None:
    service = LocalService(app)
    service.enrol("C-12345", SaltedHash().enrol("thumb"), author="test")

    own, wrong = (app.engine.decide(plain(biometric_sample=sample)) for sample in ("thumb", "finger"))

    assert evidence(own, "biometric") == {
        "enrolled": True, "matcher": "salted-hash", "matched": True, "similarity": None,
        "limits": "equality of an enrolled sample; no liveness, no similarity",
    }  # fmt: skip
    assert "BIOMETRIC_FAILED" in codes(wrong)
    assert "BIOMETRIC_FAILED" not in codes(own)
    noted = service.audit(subject="C-12345")["entries"][0]
    assert (noted["kind"], noted["actor"], noted["body"]) == ("biometric_enrolled", "test", {"matcher": "salted-hash"})


def test_two_enrolments_of_one_sample_differ() -> None:
    matcher = SaltedHash()
    first, second = matcher.enrol("thumb"), matcher.enrol("thumb")
    assert first != second
    assert matcher.match(first, "thumb") == matcher.match(second, "thumb")


@pytest.mark.usefixtures("acme")
def test_a_package_brings_its_own_matcher(make_app: Callable[..., App], plain: Make) -> None:
    app = make_app(biometric_matcher="acme-face")
    LocalService(app).enrol("C-12345", face("abcdefghij"), author="test")

    near, far = (app.engine.decide(plain(biometric_sample=sample)) for sample in ("abcdefghiX", "zzzzzzzzzz"))

    assert evidence(near, "biometric")["similarity"] == pytest.approx(0.9)
    assert evidence(near, "biometric")["limits"] == "a photograph may match"
    assert "BIOMETRIC_FAILED" in codes(far)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(("amount", "outcome"), [("900.00", Outcome.REVIEW), ("90.00", Outcome.APPROVE)])
def test_a_matcher_that_fails_never_lets_a_larger_amount_through_and_takes_no_other_evidence_along(
    make_app: Callable[..., App], plain: Make, amount: str, outcome: Outcome
) -> None:
    app = make_app(biometric_matcher="acme-face")
    LocalService(app).enrol("C-12345", face("abc"), author="test")

    decision = app.engine.decide(plain(biometric_sample="broken", amount=amount, device_id="dev-never-seen"))

    assert decision.decision is outcome
    assert evidence(decision, "biometric")["status"] == "unavailable"
    assert "UNKNOWN_DEVICE" in codes(decision)
    assert ("IDENTITY_UNAVAILABLE" in codes(decision)) is (outcome is Outcome.REVIEW)


@pytest.mark.usefixtures("acme")
def test_a_template_of_the_matcher_before_is_not_compared(make_app: Callable[..., App], plain: Make) -> None:
    before = make_app(biometric_matcher="acme-face")
    LocalService(before).enrol("C-12345", face("abc"), author="test")
    before.close()

    decision = make_app().engine.decide(plain(biometric_sample="abc", amount="900.00"))

    assert "acme-face" in evidence(decision, "biometric")["error"]
    assert decision.decision is Outcome.REVIEW


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("template", "field", "told"),
    [
        ({"matcher": "acme-face", "template": "bm8="}, "biometric", "is no face"),
        ({"salt": "00" * 16, "sha256": "0" * 64}, "biometric", "the matcher in force is acme-face"),
        ({"salt": "00" * 16}, "salted_hash.sha256", "required"),
        ({"matcher": "acme-face", "template": "not base64!"}, "foreign.template", "pattern"),
        ("thumb", "", "dictionary"),
    ],
)
def test_what_is_no_template_is_refused_and_changes_nothing(
    make_app: Callable[..., App], template: Any, field: str, told: str
) -> None:
    app = make_app(biometric_matcher="acme-face")
    with pytest.raises(InvalidTransaction) as refused:
        LocalService(app).enrol("C-12345", template, author="test")
    problem = refused.value.problems[0]
    assert field in problem.field
    assert told in problem.message
    assert app.store.customers.get("C-12345").biometric is None


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nobody", "there are: acme-face, gone, nameless, salted-hash"),
        ("nameless", "has no check, enrol, match, name"),
        ("gone", "does not load"),
    ],
)
def test_a_matcher_that_cannot_be_used_is_said_at_the_start(make_app: Callable[..., App], name: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        make_app(biometric_matcher=name)
    assert find_matcher("salted-hash").name == "salted-hash"


def test_first_and_last_use_of_device_and_address_are_told(app: App, clock: FixedClock, plain: Make) -> None:
    row = {"device_id": "dev-new", "ip_address": "8.8.8.8"}
    first = app.engine.decide(plain(**row))
    began = clock.now()
    clock.advance(days=2)
    app.engine.decide(plain(**row))
    last = clock.now()
    clock.advance(days=3)
    third = app.engine.decide(plain(**row))

    assert evidence(first, "device")["uses"] == 0
    assert "first_seen" not in evidence(first, "device")
    for item in ("device", "address"):
        found = evidence(third, item)
        assert (found["uses"], found["seen_days"]) == (2, 5.0)
        assert (found["first_seen"], found["last_seen"]) == tuple(
            moment.isoformat().replace("+00:00", "Z") for moment in (began, last)
        )


def test_a_device_of_many_customers_speaks_against_each(app: App, plain: Make) -> None:
    decisions = [app.engine.decide(plain(customer_id=f"S-{number}", device_id="farm")) for number in range(5)]

    assert [evidence(decision, "device")["customers"] for decision in decisions] == [1, 2, 3, 4, 5]
    assert [evidence(decision, "device")["shared"] for decision in decisions] == [False, True, True, True, True]
    assert ["DEVICE_SHARED" in codes(decision) for decision in decisions] == [False, False, False, True, True]


def test_sightings_survive_a_restart_and_an_erasure_removes_them(
    make_app: Callable[..., App], clock: FixedClock, plain: Make
) -> None:
    first = make_app()
    for customer in ("C-1", "C-2"):
        first.engine.decide(plain(customer_id=customer, device_id="dev-x"))
    first.close()
    again = make_app()
    assert again.store.ledger.customers_of_device("dev-x", 0) == {"C-1", "C-2"}

    again.store.customers.erase("C-1", reason="request", actor="test", at=clock.now())

    assert again.store.ledger.customers_of_device("dev-x", 0) == {"C-2"}
    again.close()
    assert make_app().store.ledger.customers_of_device("dev-x", 0) == {"C-2"}


def test_a_pair_that_goes_on_is_written_once_an_hour(app: App, clock: FixedClock, tmp_path: Path, plain: Make) -> None:
    def stored() -> tuple[int, int]:
        with sqlite3.connect(tmp_path / "data" / "fraudray.sqlite") as raw:
            first, last = raw.execute("SELECT first_us, last_us FROM sightings").fetchone()
        return first, last

    def decide(**fields: Any) -> int:
        app.engine.decide(plain(device_id="dev-y", **fields))
        return microseconds(clock.now())

    began_us = decide()
    clock.advance(minutes=50)
    decide()
    assert stored() == (began_us, began_us)

    clock.advance(minutes=20)
    last_us = decide()
    assert stored() == (began_us, last_us)

    earlier = clock.now() - timedelta(days=2)
    decide(timestamp=earlier.isoformat())
    assert stored() == (microseconds(earlier), last_us)
