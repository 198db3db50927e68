"""`fraudray lists`: entries on and off, imports that keep what is good, and what an entry would do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .support import Cli, ndjson, payment

WHY = ("--reason", "Confirmed mule")


def add(cli: Cli, *args: str) -> str:
    ran = cli("lists", "add", *args, *WHY, "--json")
    assert ran.code == 0, ran
    return str(ran.json["entry_id"])


def test_an_entry_is_added_acts_is_shown_and_removed(cli: Cli) -> None:
    entry = add(cli, "deny", "customer", "C-45678", "--expires", "30d", "--author", "Ana")
    Path("tx.json").write_text(json.dumps(payment(1)))

    matched = cli("lists", "match", "tx.json")
    decided = cli("decide", "tx.json", "--json")
    listed = cli("lists", "list", "--level", "deny")
    shown = cli("lists", "show", entry)
    explained = cli("policy", "explain", "tx.json")

    assert "blocks; nothing lifts it" in " ".join(matched.out.split())
    assert "BLOCK  100 of 100" in matched.out
    assert (decided.json["decision"], decided.json["actions"]) == ("BLOCK", [])
    assert "C-45678" in listed.out
    assert "Ana" in shown.out
    assert f"{entry}, customer: blocks; nothing lifts it" in explained.out
    assert cli("lists", "remove", entry, "--reason", "mistake").code == 0
    assert cli("lists", "remove", entry, "--reason", "mistake").code == 4
    assert cli("lists", "list", "--state", "active").out == "No entries.\n"
    assert "BLOCK" not in cli("lists", "match", "tx.json").out


def test_explain_numbers_the_steps_in_the_order_in_which_they_act(cli: Cli) -> None:
    cli("decide", "--samples", "--no-wait")
    add(cli, "allow", "customer", "C-12345")
    document = cli("policy", "explain", "TXN-20251201-191354", "--json").json
    out = cli("policy", "explain", "TXN-20251201-191354").out

    assert [step["step"] for step in document["order"]] == list(range(1, 11))
    assert sum(step["points"] for step in document["order"]) == document["score"]
    places = [out.index(f"{step['step']:>2}. ") for step in document["order"]]
    assert places == sorted(places)
    assert "lifts nothing: a certain fact stands" in out


def test_a_mute_needs_a_rule_that_is_there_and_is_shown(cli: Cli) -> None:
    unknown = cli("lists", "mute", "night-hours", "C-1", "--until", "30d", *WHY)
    certain = cli("lists", "mute", "account-frozen", "C-1", "--until", "30d", *WHY)
    past = cli("lists", "mute", "night-hour", "C-1", "--until", "2020-01-01", *WHY)
    kept = cli("lists", "mute", "night-hour", "C-1", "--until", "30d", *WHY)

    assert (unknown.code, certain.code, past.code, kept.code) == (2, 4, 2, 0)
    assert "did you mean night-hour" in unknown.err
    assert "lift the freeze" in certain.err
    assert "does not lie in the future" in past.err
    assert "mute night-hour for C-1 until" in kept.out


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("add", "denied", "customer", "C-1", *WHY), 2), (("add", "deny", "colour", "red", *WHY), 2),
        (("add", "deny", "customer", "C-1"), 2), (("add", "deny", "customer", "4111111111111111", *WHY), 2),
        (("add", "deny", "address", "10.0.0.1/8", *WHY), 2), (("add", "deny", "customer", "C-1", "--reason", " "), 2),
        (("add", "deny", "customer", "C-1", *WHY, "--expires", "soon"), 2), (("show", "lst_none"), 3),
        (("remove", "lst_none", "--reason", "x"), 3), (("match", "T-none"), 3), (("list", "--state", "old"), 2),
        (("list", "--kind", "address", "--value", "nowhere"), 2), (("import", "none.csv"), 2),
        (("import", "none.txt"), 2),
    ],
)  # fmt: skip
def test_what_cannot_be_done_ends_with_its_code(cli: Cli, args: tuple[str, ...], code: int) -> None:
    ran = cli("lists", *args)

    assert ran.code == code, ran
    assert "4111111111111111" not in ran.err + ran.out


def test_the_same_again_is_refused_unless_it_replaces(cli: Cli) -> None:
    first = add(cli, "block", "merchant", "Evil & Sons")
    again = cli("lists", "add", "block", "merchant", "EVIL & sons", *WHY)

    assert again.code == 4
    assert first in again.err
    assert add(cli, "block", "merchant", "EVIL & sons", "--replace") != first


ROWS = [
    {"level": "deny", "kind": "customer", "value": "C-1", "reason": "x"},
    {"level": "deny", "kind": "address", "value": "10.0.0.1/8", "reason": "x"},
    {"level": "block", "kind": "merchant", "value": "Evil, Ltd", "reason": "x", "expires": "2099-12-31"},
    {"level": "mute", "value": "C-1", "rule": "night-hour", "reason": "x", "expires": "30d"},
]
CSV = (
    "\ufeffLevel,kind,value,rule,reason,expires\n"
    "deny,customer,C-1,,x,\n\n"
    "deny,address,10.0.0.1/8,,x,\n"
    'block,merchant,"Evil, Ltd",,x,2099-12-31\n'
    "mute,,C-1,night-hour,x,30d\n"
)
YAML = "".join(f"- {json.dumps(row)}\n" for row in ROWS)


@pytest.mark.parametrize(
    ("name", "text", "bad_row"),
    [("a.csv", CSV, 4), ("a.ndjson", ndjson(*ROWS), 2), ("a.json", json.dumps(ROWS), 2), ("a.yaml", YAML, 2)],
)
def test_an_import_keeps_what_is_good_and_names_what_is_not(cli: Cli, name: str, text: str, bad_row: int) -> None:
    Path(name).write_text(text)

    ran = cli("lists", "import", name, "--rejects", "bad.ndjson", "--json")
    told = cli("lists", "import", name)

    assert ran.code == 1
    assert ran.json == {"read": 4, "added": 3, "refused": 1}
    (reject,) = [json.loads(line) for line in Path("bad.ndjson").read_text().splitlines()]
    assert (reject["row"], reject["problem"]["errors"][0]["field"]) == (bad_row, "value")
    assert "read 4 = added 0 + refused 4" in told.out
    assert f"row {bad_row}: value: has bits set beyond its prefix" in told.err
    assert cli("lists", "list", "--json").json["entries"][0]["state"] == "active"
    assert cli("lists", "import", name, "--replace", "--json").json["added"] == 3


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "", "lacks level, value, reason"), ("a.csv", "level,value\n", "lacks reason"),
        ("a.csv", "level,value,reason,colour\n", "'colour'"), ("a.csv", "level,level,value,reason\n", "twice"),
        ("a.csv", '"level\n', "not CSV"), ("a.csv", "a\0b", "NUL"), ("a.yaml", "a: 1", "not a YAML list"),
        ("a.yaml", "[", "a.yaml:2:1: is not YAML"), ("a.yaml", "- !!python/object:os.system x", "row 1"),
        ("a.json", "{", "not JSON"), ("a.ndjson", "", "empty"),
    ],
)  # fmt: skip
def test_a_file_of_no_use_is_refused_with_its_place(cli: Cli, name: str, text: str, told: str) -> None:
    Path(name).write_text(text)

    ran = cli("lists", "import", name)

    assert ran.code in (1, 2)
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert cli("lists", "list", "--json").json == {"entries": []}


def test_a_csv_row_of_the_wrong_width_or_quoting_stops_no_other(cli: Cli) -> None:
    head, good = "level,kind,value,reason\n", "block,merchant,Evil,x\n"
    Path("a.csv").write_text(head + "deny,customer,C-1,x,y\n" + good + 'deny,customer,"C"2,x\n')

    ran = cli("lists", "import", "a.csv")

    assert "read 3 = added 1 + refused 2" in ran.out
    assert "row 2: has 5 cells under 4 columns" in ran.err


def test_an_import_does_not_overwrite_itself(cli: Cli) -> None:
    Path("a.csv").write_text(CSV)

    assert cli("lists", "import", "a.csv", "--rejects", "a.csv").code == 2
    assert Path("a.csv").read_text() == CSV
