"""Versions of a policy over HTTP: kept, put in force, rolled back; what wins, and that a restart changes nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.errors import Changed, InvalidTransaction, NotFound, PolicyError, Refused
from fraudray.rules.standing import PACKAGED
from tests.policies import small, write_book
from tests.tools.serving import serving

Make = Callable[..., dict[str, Any]]
Open = Callable[..., App]
VERSIONS = "/v1/policy/versions"


@contextmanager
def web(app: App) -> Iterator[TestClient]:
    with TestClient(build_gateway(app), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(small())
    return path


@pytest.fixture
def app(make_app: Open, file: Path) -> App:
    return make_app(policy_file=file)


@pytest.fixture
def http(app: App) -> Iterator[TestClient]:
    with web(app) as client:
        yield client


def save(http: TestClient, version: str = "2", *, author: str = "ann", **changes: Any) -> dict[str, Any]:
    body = {"text": small(version=version, **changes), "reason": f"For {version}"}
    answer = http.post(VERSIONS, json=body, headers={"x-actor": author})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def promote(http: TestClient, number: int, *, author: str = "bo", **headers: str) -> Any:
    path = f"{VERSIONS}/{number}/promote"
    return http.post(path, json={"reason": "It is better"}, headers={"x-actor": author, **headers})


def rollback(http: TestClient, **headers: str) -> Any:
    return http.post("/v1/policy/rollback", json={"reason": "It was not"}, headers={"x-actor": "cy", **headers})


def decided(http: TestClient, row: dict[str, Any]) -> tuple[str, int]:
    decision = http.post("/v1/decisions", json=row).json()
    return decision["policy"]["version"], decision["score"]


def trail(http: TestClient) -> list[tuple[str, str]]:
    entries = http.get("/v1/audit", params={"subject": "cards"}).json()["entries"]
    return [(entry["kind"], entry["actor"]) for entry in reversed(entries)]


def test_a_version_is_kept_and_decides_only_once_it_is_promoted(http: TestClient, plain: Make) -> None:
    kept = save(http, "2", weight=50)
    assert (kept["number"], kept["based_on"], kept["author"], kept["saved"]) == (2, 1, "ann", True)
    assert decided(http, plain()) == ("1", 10)
    answer = promote(http, 2)
    assert answer.status_code == 200
    assert (answer.json()["in_force"]["number"], answer.json()["before"]) == (2, 1)
    assert decided(http, plain()) == ("2", 50)
    assert http.get("/v1/policy").json()["version"] == "2"
    listed = http.get(VERSIONS).json()
    assert [one["number"] for one in listed["versions"]] == [2, 1]
    assert listed["versions"][1]["author"] == "policy-file"
    assert [(act["kind"], act["number"]) for act in listed["acts"]] == [("promoted", 2), ("file", 1)]
    assert trail(http) == [
        ("policy_version_saved", "policy-file"), ("policy_version_saved", "ann"),
        ("policy_file_took_over", "policy-file"), ("policy_promoted", "bo"),
    ]  # fmt: skip
    assert http.get("/v1/audit/verify").json()["whole"]


def test_what_was_before_comes_back_and_then_what_was_before_that(http: TestClient, plain: Make) -> None:
    save(http, "2", weight=50)
    save(http, "3", weight=60)
    promote(http, 2)
    promote(http, 3)
    assert rollback(http).json()["in_force"]["number"] == 2
    assert decided(http, plain()) == ("2", 50)
    assert rollback(http).json()["in_force"]["number"] == 1
    assert decided(http, plain()) == ("1", 10)
    refused = rollback(http)
    assert refused.status_code == 409
    assert "nothing was in force of cards before" in refused.json()["detail"]
    promote(http, 3)
    assert rollback(http).json()["in_force"]["number"] == 1
    assert ("policy_rolled_back", "cy") in trail(http)


def test_a_restart_keeps_what_was_promoted(make_app: Open, app: App, file: Path, plain: Make) -> None:
    with web(app) as http:
        save(http, "2", weight=50)
        promote(http, 2)
        before = http.get(VERSIONS).json()
    again = make_app(policy_file=file)
    with web(again) as http:
        assert decided(http, plain()) == ("2", 50)
        assert http.get(VERSIONS).json() == before
        assert rollback(http).json()["in_force"]["number"] == 1
    with web(make_app(policy_file=file)) as http:
        assert decided(http, plain()) == ("1", 10)


def test_a_changed_file_is_a_later_act_and_wins_and_can_be_rolled_back(
    make_app: Open, app: App, file: Path, plain: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with web(app) as http:
        save(http, "2", weight=50)
        promote(http, 2)
        file.write_text(small(version="from the file", weight=30))
        with caplog.at_level(logging.WARNING, "fraudray"):
            app.watch.look()
        assert "the policy file wins over version 2" in caplog.text
        assert decided(http, plain()) == ("from the file", 30)
        now = http.get(VERSIONS).json()
        assert (now["in_force"]["from"], now["in_force"]["number"], now["before"]) == ("file", 3, 2)
        assert ("policy_file_took_over", "policy-watch") in trail(http)
        assert rollback(http).json()["in_force"]["number"] == 2
        assert decided(http, plain()) == ("2", 50)
        app.watch.look()
        assert decided(http, plain()) == ("2", 50)  # the file has not changed since
    with web(make_app(policy_file=file)) as http:
        assert decided(http, plain()) == ("2", 50)


def test_a_server_that_starts_with_another_file_decides_by_that_and_says_so(
    make_app: Open, app: App, file: Path, tmp_path: Path, plain: Make
) -> None:
    with web(app) as http:
        save(http, "2", weight=50)
        promote(http, 2)
    other = tmp_path / "other.yaml"
    other.write_text(small(version="other", weight=20))
    with web(make_app(policy_file=other)) as http:
        assert decided(http, plain()) == ("other", 20)
        assert http.get(VERSIONS).json()["acts"][0]["kind"] == "file"
        assert trail(http)[-1] == ("policy_file_took_over", "policy-watch")
    with web(make_app(policy_file=file)) as http:  # starting with the first file again is the last act
        assert decided(http, plain()) == ("1", 10)
        assert http.get(VERSIONS).json()["before"] == 3


def test_a_command_with_another_file_does_not_undo_what_was_promoted(
    make_app: Open, app: App, file: Path, plain: Make
) -> None:
    with web(app) as http:
        save(http, "2", weight=50)
        promote(http, 2)
    other = make_app()  # no policy file: the packaged policy, which has another name
    assert other.policy.document.name == "card-payments"
    other.close()
    with web(make_app(policy_file=file)) as http:
        assert decided(http, plain()) == ("2", 50)


def test_over_the_packaged_policy_a_version_stays(make_app: Open, plain: Make) -> None:
    with web(make_app()) as http:
        text = http.get("/v1/policy").json()["source"].replace("review: 40", "review: 30")
        body = {"text": text, "reason": "Look closer", "version": "2-closer"}
        assert http.post(VERSIONS, json=body).json()["version"] == "2-closer"
        promote(http, 2)
        assert http.get(VERSIONS).json()["acts"][0]["over"] == PACKAGED
    with web(make_app()) as http:
        document = http.get("/v1/policy").json()
        assert (document["version"], document["document"]["thresholds"]["review"]) == ("2-closer", 30)


def test_two_who_promote_at_once_do_not_overwrite_each_other(app: App, plain: Make) -> None:
    with serving(build_gateway(app)) as address, Client(address) as client:
        for version in ("2", "3"):
            client.policies.save(small(version=version), reason="r", author="ann")
        seen = client.policies.versions()["tag"]
        together, outcomes = threading.Barrier(2), []

        def try_one(number: int) -> None:
            with Client(address) as own:
                together.wait()
                try:
                    outcomes.append(own.policies.promote(number, reason="r", author=f"a{number}", seen=seen)["tag"])
                except Changed as changed:
                    outcomes.append(changed)

        threads = [threading.Thread(target=try_one, args=(number,)) for number in (2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (refused,) = [one for one in outcomes if isinstance(one, Changed)]
        (tag,) = [one for one in outcomes if isinstance(one, str)]
        assert "was changed meanwhile by a" in str(refused)
        assert client.policies.versions()["tag"] == tag
        assert [act["kind"] for act in client.policies.versions()["acts"]] == ["promoted", "file"]


def test_what_one_saw_is_the_etag(http: TestClient) -> None:
    save(http, "2")
    tag = http.get(VERSIONS).headers["etag"]
    assert tag == f'"{http.get(VERSIONS).json()["tag"]}"'
    promoted = promote(http, 2, **{"if-match": tag})
    assert promoted.status_code == 200
    late = rollback(http, **{"if-match": tag})
    assert (late.status_code, late.json()["version"]) == (412, 2)
    assert rollback(http, **{"if-match": promoted.headers["etag"]}).status_code == 200
    assert promote(http, 2, **{"if-match": '"seven"'}).status_code == 422
    assert promote(http, 2, **{"if-match": "*"}).status_code == 200


def test_a_file_that_changed_unseen_is_taken_up_before_anything_is_promoted(
    http: TestClient, app: App, file: Path, plain: Make
) -> None:
    save(http, "2", weight=50)
    seen = http.get(VERSIONS).headers["etag"]
    file.write_text(small(version="file", weight=30))
    assert promote(http, 2, **{"if-match": seen}).status_code == 412
    assert decided(http, plain()) == ("file", 30)
    assert promote(http, 2).json()["before"] is not None
    app.watch.look()
    assert decided(http, plain()) == ("2", 50)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (small().replace("when: spending", "when: spendign"), 12, 63, "did you mean spending"),
        (small().replace("weight: 10", "weight: 101"), 12, 53, "less than or equal to 100"),
        ("name: [", 2, 1, "is not YAML"),
        (small("wallets"), 1, 7, "no policy named wallets is in force"),
        (small(version="2", base="EUR"), 3, 16, "what is known of customers is in USD"),
        (small(weight=11), 2, 10, "1 is what version 1 calls itself already"),
    ],
)  # fmt: skip
def test_a_bad_text_is_a_problem_with_its_place(
    http: TestClient, text: str, line: int, column: int, message: str
) -> None:
    answer = http.post(VERSIONS, json={"text": text, "reason": "r"})
    problem = answer.json()
    assert (answer.status_code, problem["line"], problem["column"]) == (422, line, column)
    assert message in problem["message"]
    assert len(http.get(VERSIONS).json()["versions"]) <= 1
    checked = http.post("/v1/policy/check", json={"text": text})
    assert checked.status_code == 200
    if "calls itself" not in message:
        assert (checked.json()["usable"], checked.json()["problem"]["line"]) == (False, line)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": small()}, "reason"), ({"reason": "r"}, "text"), ({"text": small(), "reason": " "}, "reason"),
        ({"text": small(), "reason": "r", "based_on": 0}, "based_on"), ({"text": 5, "reason": "r"}, "text"),
        ({"text": small(), "reason": "r", "author": "me"}, "author"), ([], ""),
        ({"text": small(), "reason": "r", "version": ""}, "version"),
    ],
)  # fmt: skip
def test_a_bad_body_names_its_field(http: TestClient, body: Any, field: str) -> None:
    answer = http.post(VERSIONS, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_the_same_text_is_kept_once(http: TestClient) -> None:
    first = save(http, "2")
    again = http.post(VERSIONS, json={"text": small(version="2"), "reason": "again"})
    assert (again.status_code, again.json()) == (200, first | {"saved": False})
    assert http.post(VERSIONS, json={"text": small(), "reason": "in force"}).json()["number"] == 1


def test_a_version_that_is_in_force_or_not_there_is_not_promoted(http: TestClient) -> None:
    save(http, "2")
    assert promote(http, 1).status_code == 409
    assert promote(http, 7).status_code == 404
    assert promote(http, 0).status_code == 422
    assert http.post(f"{VERSIONS}/2/promote", json={}).status_code == 422
    assert http.get(f"{VERSIONS}/7").status_code == 404
    assert http.get(VERSIONS, params={"name": "none"}).status_code == 404


def test_versions_are_told_apart_in_words(http: TestClient) -> None:
    save(http, "2", weight=50)
    save(http, "3", weight=60)
    found = http.get(f"{VERSIONS}/3/differences", params={"against": 2}).json()["differences"]
    assert [one["text"] for one in found] == [
        'version "2" → "3"', "rule always: weight 50 → 60", 'rule always: text "2" → "3"',
    ]  # fmt: skip
    shown = http.get(f"{VERSIONS}/2").json()
    assert shown["text"] == small(version="2", weight=50)
    assert "rule always: weight 10 → 50" in [one["text"] for one in shown["differences"]]
    assert shown["words"]["version"] == "2"


def test_a_version_that_cannot_be_used_any_more_stops_the_start_and_says_so(
    make_app: Open, app: App, file: Path, tmp_path: Path
) -> None:
    with web(app) as http:
        save(http, "2")
        promote(http, 2)
    _spoil(app)
    with pytest.raises(PolicyError) as caught:
        make_app(policy_file=file)
    assert "cards version 2" in str(caught.value)
    assert "in force since 2026-03-02" in str(caught.value)
    assert "by bo" in str(caught.value)
    assert caught.value.line == 12
    file.write_text(small(version="4"))  # what the message says: another file takes its place
    assert make_app(policy_file=file).policy.ref.version == "4"


def _spoil(app: App) -> None:
    """As if the store was written by a fraudray that knew a fact which this one does not."""
    import sqlite3

    with sqlite3.connect(app.settings.data_dir / "fraudray.sqlite") as database:
        database.execute("UPDATE policy_versions SET text = replace(text, 'when: spending', 'when: gone')")


def test_a_version_replaces_the_policy_of_its_name_in_a_book(make_app: Open, tmp_path: Path, plain: Make) -> None:
    app = make_app(policy_file=write_book(tmp_path))
    with web(app) as http:
        text = small("wallets", version="2", weight=70, code="WALLET")
        assert http.post(VERSIONS, json={"text": text, "reason": "r"}).json()["name"] == "wallets"
        answer = http.post(f"{VERSIONS}/2/promote", json={"reason": "r", "name": "wallets"})
        assert answer.status_code == 200
        assert decided(http, plain(channel="mobile")) == ("2", 70)
        assert decided(http, plain()) == ("1", 10)
        assert http.get(VERSIONS, params={"name": "wallets"}).json()["in_force"]["number"] == 2
        assert http.get(VERSIONS).json()["in_force"]["from"] == "file"
        assert http.get(VERSIONS).json()["names"] == ["cards", "wallets"]
        (tmp_path / "cards.yaml").write_text(small(version="3", weight=15))
        app.watch.look()  # the other policy's file changed: wallets stays as it was promoted
        assert decided(http, plain(channel="mobile")) == ("2", 70)
        assert decided(http, plain()) == ("3", 15)


def test_an_unreadable_file_leaves_the_promoted_version(http: TestClient, app: App, file: Path, plain: Make) -> None:
    save(http, "2", weight=50)
    promote(http, 2)
    file.write_text("name: [")
    app.watch.look()
    assert decided(http, plain()) == ("2", 50)
    assert http.get("/readyz").json()["policy_problem"]["file"] == str(file)


def test_the_client_raises_the_librarys_own_errors(app: App) -> None:
    with serving(build_gateway(app)) as address, Client(address) as client:
        policies = client.policies
        assert policies.words()["name"] == "cards"
        assert policies.facts()["families"] == {"any": 100}
        kept = policies.save(small(version="2", weight=50), reason="r", author="ann", based_on=1, version="two")
        assert kept["version"] == "two"
        assert policies.version(2)["based_on"] == 1
        assert policies.differences(1, 2)["differences"]
        assert policies.promote(2, reason="r", author="ann", name="cards")["in_force"]["author"] == "ann"
        assert policies.rollback(reason="r", author="ann")["in_force"]["number"] == 1
        with pytest.raises(PolicyError) as caught:
            policies.save(small().replace("spending", "spendign"), reason="r", author="ann")
        assert caught.value.line == 12
        with pytest.raises(NotFound):
            policies.version(9)
        with pytest.raises(Refused):
            policies.promote(1, reason="r", author="ann")
        with pytest.raises(InvalidTransaction, match="reason"):
            policies.promote(2, reason="", author="ann")
