"""From a decision or an act on a case to the endpoint: what is sent, to whom, and what its answer leads to."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from fraudray.actions.lane import PAUSES_S
from fraudray.adapters.sql.outbox import OutboxRow
from fraudray.bootstrap import App
from fraudray.domain.errors import InvalidTransaction, SettingsError
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

from .conftest import INSIDE, Add
from .receiver import Got, Receiver, huge_body, make_ca, receiving, slow_body, slow_head

Make = Callable[..., dict[str, Any]]
Samples = list[dict[str, Any]]
METADATA = "http://169.254.169.254/latest/meta-data/"


def sent(app: App) -> list[OutboxRow]:
    """The outbox's webhooks, oldest first."""
    return [row for row in reversed(app.store.outbox.list()) if row.entry.kind == "webhook"]


def signed(got: Got, secret: str) -> bool:
    """Whether one of the signatures is of `secret`, whatever its time."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return expected in got.headers["webhook-signature"].split(" ")


class TestWhatIsSent:
    """Payloads, signatures and who gets them."""

    def test_a_decision_arrives_signed_as_it_is_stored(
        self, app: App, service: LocalService, receiver: Receiver, add: Add, samples: Samples
    ) -> None:
        secret = add("decision.created")["secret"]
        decision = app.engine.decide(samples[1])
        app.worker.drain()
        (got,) = receiver.got
        document = Verifier(secret).verify(got.body, got.headers)
        assert document["type"] == "decision.created"
        assert datetime.fromisoformat(document["timestamp"]) == decision.decided_at
        stored = app.store.cases.document(decision.transaction_id, 1)
        assert got.body.endswith(b'"data":' + stored + b"}")
        shown = service.decision(decision.transaction_id)
        assert {k: v for k, v in document["data"].items() if k != "actions"} == {
            k: v for k, v in shown.items() if k != "actions"
        }
        assert got.path == "/hook?from=fraudray"
        assert got.headers["content-type"] == "application/json"
        assert "." not in got.headers["webhook-id"]
        assert [(row.status, row.outcome) for row in sent(app)] == [("done", "HTTP 200")]

    def test_only_reviews_and_blocks_unless_approvals_are_asked_for(
        self, app: App, receiver: Receiver, add: Add, samples: Samples
    ) -> None:
        add("decision.created")
        add("decision.created", url=receiver.url + "&all", outcomes=["APPROVE", "REVIEW", "BLOCK"])
        add("decision.created", url=receiver.url + "&blocks", outcomes=["BLOCK"])
        decided = [app.engine.decide(sample).decision.value for sample in samples]
        app.worker.drain()
        assert sorted(decided) == ["APPROVE", "BLOCK", "REVIEW"]
        told = [(got.path.rpartition("fraudray")[2], got.document["data"]["decision"]) for got in receiver.got]
        assert sorted(told) == [
            ("", "BLOCK"), ("", "REVIEW"), ("&all", "APPROVE"), ("&all", "BLOCK"), ("&all", "REVIEW"),
            ("&blocks", "BLOCK"),
        ]  # fmt: skip

    def test_all_endpoints_get_one_event_under_one_id(
        self, app: App, receiver: Receiver, add: Add, samples: Samples
    ) -> None:
        add("decision.created")
        add("decision.created")
        app.engine.decide(samples[1])
        app.worker.drain()
        assert len(receiver.got) == 2
        assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
        assert len({row.entry.idempotency_key for row in sent(app)}) == 2

    def test_a_case_is_told_of_from_its_opening_to_its_end(
        self, app: App, service: LocalService, receiver: Receiver, add: Add, samples: Samples, plain: Make
    ) -> None:
        add("case.opened", "case.updated", "case.closed")
        case_id = app.engine.decide(samples[1]).case_id
        service.unfreeze(samples[1]["customer_id"], reason="for another alert", author="ana")
        joined = app.engine.decide(samples[1] | {"transaction_id": "T-again"})
        service.note(str(case_id), text="Called Jordan Avery at home.", author="ana")
        service.close_case(str(case_id), disposition="fraud", reason="Confirmed by Jordan.", author="ana")
        app.worker.drain()
        documents = [got.document for got in receiver.got]
        assert joined.case_id == case_id
        assert [d["type"] for d in documents] == ["case.opened", "case.updated", "case.updated", "case.closed"]
        assert {d["data"]["case_id"] for d in documents} == {case_id}
        assert [d["data"]["status"] for d in documents] == ["open", "open", "open", "closed"]
        changes = [d["data"]["change"] for d in documents]
        assert [change["kind"] for change in changes] == ["alert", "alert", "note", "closed"]
        assert changes[1]["transaction_id"] == "T-again"
        assert changes[3]["disposition"] == "fraud"
        assert not any(b"Jordan" in got.body for got in receiver.got)

    def test_a_case_opened_by_a_person_is_told_of(
        self, app: App, service: LocalService, receiver: Receiver, add: Add, plain: Make
    ) -> None:
        add("case.opened")
        decision = app.engine.decide(plain())
        app.desk.log_case(
            case_id="ACME-1", transaction_id=decision.transaction_id, notes="odd", claimed_decision="BLOCK",
            evidence={}, author="agent",
        )  # fmt: skip
        app.worker.drain()
        (got,) = receiver.got
        assert (got.document["type"], got.document["data"]["case_id"]) == ("case.opened", "ACME-1")
        assert got.document["data"]["change"]["author"] == "agent"

    def test_who_was_told_of_a_review_is_told_that_it_was_lifted(
        self, app: App, receiver: Receiver, add: Add, samples: Samples
    ) -> None:
        add("decision.created", "decision.revised", "case.closed")
        decision = app.engine.decide(samples[2])
        app.engine.answer_step_up(decision.transaction_id, "passed", author="ana")
        app.worker.drain()
        documents = {got.document["type"]: got.document["data"] for got in receiver.got}
        assert documents["decision.created"]["decision"] == "REVIEW"
        revised = documents["decision.revised"]
        assert (revised["decision"], revised["revision"]) == ("APPROVE", 2)
        assert documents["case.closed"]["status"] == "closed"

    def test_while_a_secret_is_rotated_both_sign(
        self, app: App, service: LocalService, receiver: Receiver, add: Add, samples: Samples, clock: FixedClock
    ) -> None:
        added = add("decision.created")
        second = service.webhooks.rotate(added["webhook_id"], author="ana")["secret"]
        app.engine.decide(samples[1])
        app.worker.drain()
        (got,) = receiver.got
        for secret in (added["secret"], second):
            assert Verifier(secret).verify(got.body, got.headers)["type"] == "decision.created"
        clock.advance(hours=25)
        service.webhooks.test(added["webhook_id"], author="ana")
        assert signed(receiver.got[-1], second)
        assert not signed(receiver.got[-1], added["secret"])

    def test_nothing_is_written_while_nobody_listens(self, app: App, samples: Samples) -> None:
        for sample in samples:
            app.engine.decide(sample)
        assert sent(app) == []


class TestWhatItsAnswerMeans:
    """Retries, refusals and the end of an endpoint."""

    def test_a_failure_is_tried_again_with_the_same_id_and_bytes(
        self, app: App, receiver: Receiver, add: Add, samples: Samples, clock: FixedClock
    ) -> None:
        receiver.answers.extend([500, 404])
        secret = add("decision.created")["secret"]
        app.engine.decide(samples[1])
        for pause_s in (0, 5.6, 331):
            clock.advance(seconds=pause_s)
            app.worker.drain()
        first, second, third = receiver.got
        assert first.body == second.body == third.body
        assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
        assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 3
        assert all(signed(got, secret) for got in receiver.got)
        assert [(row.status, row.attempts) for row in sent(app)] == [("done", 3)]
        assert app.worker.lane.results == {"delivered": 1, "retried": 2, "dead": 0}

    def test_tries_span_three_days_and_end_dead_and_can_be_asked_for_again(
        self, app: App, service: LocalService, receiver: Receiver, add: Add, samples: Samples, clock: FixedClock
    ) -> None:
        receiver.always = 503
        added = add("decision.created")
        app.engine.decide(samples[1])
        pauses = []
        for _ in range(len(PAUSES_S) + 1):
            app.worker.drain()
            (row,) = sent(app)
            pauses.append((row.due_at - clock.now()).total_seconds())
            clock.moment = max(clock.now(), row.due_at)
        assert (row.status, row.attempts, row.outcome) == ("dead", 10, "it answered HTTP 503")
        assert all(plan <= pause <= plan * 1.1 for plan, pause in zip(PAUSES_S, pauses, strict=False))
        shown = service.webhooks.show(added["webhook_id"])
        assert shown["deliveries"] == {"pending": 0, "done": 0, "dead": 1}
        assert shown["failures"][0]["outcome"] == "it answered HTTP 503"
        receiver.always = 204
        service.retry(row.entry.entry_id, author="ana")
        clock.advance(minutes=2)
        app.worker.drain()
        assert sent(app)[0].status == "done"

    @pytest.mark.parametrize("value", ["4000", "date"])
    def test_what_it_asks_us_to_wait_is_waited(
        self, app: App, receiver: Receiver, add: Add, samples: Samples, clock: FixedClock, value: str
    ) -> None:
        if value == "date":
            value = datetime.fromtimestamp(clock.now().timestamp() + 4000, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        receiver.answers.append((429, {"retry-after": value}))
        add("decision.created")
        app.engine.decide(samples[1])
        app.worker.drain()
        assert 3998 <= (sent(app)[0].due_at - clock.now()).total_seconds() <= 4000
        app.engine.decide(samples[1] | {"transaction_id": "T-2", "customer_id": "C-67890"})
        app.worker.drain()
        assert len(receiver.got) == 1  # the others of this endpoint wait as well

    @pytest.mark.parametrize("value", ["soon", "-5", "9" * 40, "Mon, 99 Foo 2026"])
    def test_a_strange_wish_to_wait_harms_nothing(
        self, app: App, receiver: Receiver, add: Add, samples: Samples, clock: FixedClock, value: str
    ) -> None:
        receiver.answers.append((503, {"retry-after": value}))
        add("decision.created")
        app.engine.decide(samples[1])
        app.worker.drain()
        assert 5 <= (sent(app)[0].due_at - clock.now()).total_seconds() <= 24 * 3600

    def test_gone_switches_the_endpoint_off(
        self, app: App, service: LocalService, receiver: Receiver, add: Add, samples: Samples, clock: FixedClock
    ) -> None:
        receiver.answers.append(410)
        webhook_id = add("case.opened", "decision.created")["webhook_id"]
        app.engine.decide(samples[1])
        app.worker.drain()
        assert len(receiver.got) == 1
        assert [row.status for row in sent(app)] == ["dead", "dead"]
        shown = service.webhooks.show(webhook_id)
        assert (shown["status"], shown["status_reason"]) == ("off", "it answered 410 Gone")
        app.engine.decide(samples[2])
        assert len(sent(app)) == 2  # nothing new for one that is off
        service.webhooks.enable(webhook_id, author="ana")
        for row in sent(app):
            service.retry(row.entry.entry_id, author="ana")
        app.worker.drain()
        assert {row.status for row in sent(app)} == {"done"}

    def test_what_waits_for_one_that_was_removed_ends_dead(
        self, app: App, service: LocalService, receiver: Receiver, add: Add, samples: Samples
    ) -> None:
        webhook_id = add("decision.created")["webhook_id"]
        app.engine.decide(samples[1])
        service.webhooks.remove(webhook_id, author="ana")
        app.worker.drain()
        assert receiver.got == []
        assert [(row.status, row.outcome) for row in sent(app)] == [("dead", f"no webhook {webhook_id}")]

    def test_redirects_are_not_followed(self, app: App, receiver: Receiver, add: Add, samples: Samples) -> None:
        receiver.answers.append((307, {"location": receiver.url + "&elsewhere"}))
        add("decision.created")
        app.engine.decide(samples[1])
        app.worker.drain()
        assert len(receiver.got) == 1
        assert sent(app)[0].outcome == "it answered HTTP 307 (redirects are not followed)"

    @pytest.mark.parametrize("body", [slow_body, huge_body], ids=["slow", "huge"])
    def test_what_follows_the_status_is_bounded(
        self, make_app: Callable[..., App], receiver: Receiver, samples: Samples, body: Any
    ) -> None:
        app = make_app(**INSIDE | {"webhook_timeout_s": 1})
        LocalService(app).webhooks.add({"url": receiver.url, "events": ["decision.created"]}, author="ana")
        receiver.answers.append(body)
        app.engine.decide(samples[1])
        app.worker.drain()
        assert sent(app)[0].status == "done"

    def test_one_that_never_ends_its_answer_is_given_the_time_once(
        self, make_app: Callable[..., App], receiver: Receiver, samples: Samples
    ) -> None:
        app = make_app(**INSIDE | {"webhook_timeout_s": 1})
        LocalService(app).webhooks.add({"url": receiver.url, "events": ["decision.created"]}, author="ana")
        receiver.answers.append(slow_head)
        app.engine.decide(samples[1])
        app.worker.drain()
        assert (sent(app)[0].status, sent(app)[0].outcome) == ("pending", "no answer within 1 s")

    def test_an_erased_customer_is_not_told_of(
        self, app: App, service: LocalService, receiver: Receiver, add: Add, samples: Samples
    ) -> None:
        add()
        app.engine.decide(samples[1])
        service.erase(samples[1]["customer_id"], reason="asked for it", author="ana")
        app.worker.drain()
        assert receiver.got == []
        assert {row.status for row in sent(app)} == {"dead"}


class TestWhereItMayGo:
    """The allow-list, addresses that are not public, and TLS, when an endpoint is added and at each sending."""

    @pytest.mark.parametrize(
        ("settings", "url", "code"),
        [
            ({}, "https://hooks.example.com/", "host_not_allowed"),
            ({"webhook_hosts": "localhost:*"}, "https://localhost:9/", "address_not_public"),
            ({"webhook_hosts": "127.0.0.1"}, "https://127.0.0.1/", "address_not_public"),
            ({"webhook_hosts": "[::ffff:127.0.0.1]"}, "https://[::ffff:7f00:1]/", "address_not_public"),
            ({"webhook_hosts": "[64:ff9b::7f00:1]"}, "https://[64:ff9b::127.0.0.1]/", "address_not_public"),
            ({"webhook_hosts": "169.254.169.254", "webhook_private": True}, METADATA, "address_not_public"),
            ({"webhook_hosts": "8.8.8.8"}, "http://8.8.8.8/", "https_needed"),
            ({"webhook_hosts": "no-such.invalid"}, "https://no-such.invalid/", "host_unknown"),
            ({"webhook_hosts": "localhost:*"}, "https://0x7f.1/", "url_host"),
        ],
    )  # fmt: skip
    def test_adding_is_refused_naming_the_field(
        self, make_app: Callable[..., App], settings: dict[str, Any], url: str, code: str
    ) -> None:
        service = LocalService(make_app(**settings))
        with pytest.raises(InvalidTransaction) as caught:
            service.webhooks.add({"url": url, "events": ["case.opened"]}, author="ana")
        assert [(p.field, p.code) for p in caught.value.problems] == [("url", code)]
        assert service.webhooks.list() == {"webhooks": []}

    @pytest.mark.parametrize(
        ("later", "reason"),
        [
            ({"webhook_hosts": "elsewhere.example"}, "not among the allowed hosts"),
            ({"webhook_hosts": ""}, "no host is allowed yet"),
            ({"webhook_private": False}, "must begin with https://"),
            ({"webhook_private": False, "webhook_insecure": True}, "loopback address"),
        ],
    )
    def test_what_is_no_longer_allowed_is_not_sent(
        self, make_app: Callable[..., App], receiver: Receiver, samples: Samples, later: dict[str, Any], reason: str
    ) -> None:
        before = make_app(**INSIDE)
        url = receiver.url.replace("127.0.0.1", "localhost")
        LocalService(before).webhooks.add({"url": url, "events": ["decision.created"]}, author="ana")
        before.engine.decide(samples[1])
        before.close()
        after = make_app(**INSIDE | later)
        after.worker.drain()
        assert receiver.got == []
        (row,) = sent(after)
        assert row.status == "dead"
        assert reason in str(row.outcome)

    def test_a_private_authority_is_trusted_where_set_and_names_are_checked(
        self, make_app: Callable[..., App], tmp_path: Path, samples: Samples
    ) -> None:
        ca_file, tls = make_ca(tmp_path, "localhost")
        with receiving(tls) as receiver:
            by_name, by_address = (receiver.url.replace("127.0.0.1", host) for host in ("localhost", "127.0.0.1"))
            trusting = LocalService(make_app(**INSIDE | {"webhook_ca_file": ca_file}))
            wish = {"events": ["decision.created"]}
            named = trusting.webhooks.add(wish | {"url": by_name}, author="ana")["webhook_id"]
            other = trusting.webhooks.add(wish | {"url": by_address}, author="ana")["webhook_id"]
            assert trusting.webhooks.test(named, author="ana")["delivered"]
            wrong_name = trusting.webhooks.test(other, author="ana")
            assert not wrong_name["delivered"]
            assert "CERTIFICATE_VERIFY_FAILED" in wrong_name["outcome"]
            assert receiver.got[0].headers["host"] == f"localhost:{receiver.port}"
            trusting.close()
            doubting = LocalService(make_app(**INSIDE))
            assert "CERTIFICATE_VERIFY_FAILED" in doubting.webhooks.test(named, author="ana")["outcome"]
            assert len(receiver.got) == 1

    def test_an_authority_that_cannot_be_read_is_said_at_start(
        self, make_app: Callable[..., App], tmp_path: Path
    ) -> None:
        with pytest.raises(SettingsError, match="webhook_ca_file"):
            make_app(webhook_ca_file=tmp_path / "none.pem")

    def test_a_proxy_of_the_environment_is_not_used(
        self, service: LocalService, receiver: Receiver, add: Add, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert service.webhooks.test(add()["webhook_id"], author="ana")["delivered"]
