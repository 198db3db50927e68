"""`fraudray policy`: the place of what is wrong, and how the points add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from fraudray.policy.source import default_policy_text

from .support import Cli, payment

ROOT = Path(__file__).parents[2]
WHEN = '    when: "!travel_feasible"\n'


def broken(old: str, new: str) -> tuple[str, int]:
    """The default policy with its first `old` replaced, and the 1-based line where that begins."""
    text = default_policy_text()
    assert old in text
    return text.replace(old, new, 1), text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "column", "told"),
    [
        (WHEN, "    when: travel_feasible &&& card_present\n", 29, "impossible-travel"),
        (WHEN, "    when: travel_feasable\n", 11, "did you mean travel_feasible"),
        (WHEN, '    when: "true && travel_feasable"\n', 20, "did you mean travel_feasible"),
        (WHEN, "    when: distance_mi\n", 11, "not true or false"),
        (WHEN, "    when: distance_mi > merchant\n", 11, "cannot be computed"),
        (WHEN, "    when: shout(travel_from)\n", 11, "there is no function shout"),
        ("    family: account\n", "    family: acount\n", 13, "did you mean account"),
        ("    weight: 100\n", "    weight: 101\n", 13, "less than or equal to 100"),
        ("    weight: 100\n", "    weight: many\n", 13, "valid integer"),
        ("ceiling: 95\n", "ceiling: 95\nceilling: 95\n", 11, "not a field of a policy"),
        ("name: card-payments\n", "name: [card-payments\n", 0, "is not YAML"),
    ],
)
def test_a_broken_policy_is_refused_with_its_line_and_column(
    cli: Cli, old: str, new: str, column: int, told: str
) -> None:
    text, line = broken(old, new)
    Path("bad.yaml").write_text(text)
    shown = new.splitlines()[-1]
    line += new.count("\n") - 1

    ran = cli("policy", "check", "bad.yaml")
    document = cli("policy", "check", "bad.yaml", "--json").json

    assert ran.code == 1
    assert told in ran.err
    if column:
        assert (document["line"], document["column"]) == (line, column)
        assert ran.err.startswith(f"bad.yaml:{line}:{column}: ")
        excerpt, caret = ran.err.splitlines()[-2:]
        assert excerpt == f"{line:>5} | {shown}"
        assert caret.index("^") == len(f"{line:>5} | ") + column - 1
    else:
        assert document["line"] > 0


def test_an_id_used_twice_points_at_the_second(cli: Cli) -> None:
    text, line = broken("  - id: fast-travel\n", "  - id: impossible-travel\n")

    ran = cli("policy", "check", "-", "--json", stdin=text)

    assert ran.code == 1
    assert (ran.json["file"], ran.json["line"], ran.json["column"]) == ("standard input", line, 9)
    assert ran.json["rule"] == "impossible-travel"


@pytest.mark.parametrize(("body", "code"), [(b"", 1), (b"- 1\n", 1), (b"a: [", 1), (b"\xff\xfe", 2), (b"\x00", 1)])
def test_what_is_no_policy_at_all_is_refused(cli: Cli, body: bytes, code: int) -> None:
    ran = cli("policy", "check", "-", stdin=body)

    assert ran.code == code
    assert ran.err


def test_a_missing_policy_file_ends_with_2(cli: Cli) -> None:
    assert cli("policy", "check", "none.yaml").code == 2


def test_the_default_policy_is_usable_and_is_what_show_prints(cli: Cli) -> None:
    shown = cli("policy", "show").out
    assert shown == default_policy_text()

    ran = cli("policy", "check", "-", "--json", stdin=shown)

    assert ran.code == 0
    assert ran.json["usable"] is True
    assert ran.json["hash"] == cli("policy", "show", "--json").json["hash"]


def test_a_broken_policy_in_the_settings_ends_with_2_and_says_where(process: Cli) -> None:
    text, _ = broken(WHEN, "    when: travel_feasable\n")
    Path("bad.yaml").write_text(text)

    ran = process("decide", "--samples", FRAUDRAY_POLICY_FILE="bad.yaml")

    assert ran.code == 2
    assert "bad.yaml:" in ran.err
    assert "Traceback" not in ran.err


def test_the_packaged_schema_is_what_the_command_prints_and_accepts_the_default(cli: Cli) -> None:
    import jsonschema

    printed = cli("policy", "schema").out
    assert (ROOT / "fraudray" / "policy" / "policy.schema.json").read_text() == printed

    schema = json.loads(printed)
    jsonschema.Draft202012Validator.check_schema(schema)
    policy = yaml.safe_load(default_policy_text())
    jsonschema.validate(policy, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(policy | {"ceilling": 1}, schema)


def test_facts_lists_every_fact_with_its_type(cli: Cli) -> None:
    facts = cli("policy", "facts", "--json").json["facts"]

    assert {"name": "travel_feasible", "kind": "bool"}.items() <= next(
        fact for fact in facts if fact["name"] == "travel_feasible"
    ).items()
    assert "travel_feasible" in cli("policy", "facts").out


def test_explain_shows_rules_in_the_order_in_which_they_act_and_a_sum_that_is_the_score(cli: Cli) -> None:
    cli("decide", "--samples")
    cli("accounts", "unfreeze", "C-12345", "--reason", "to look at the rules")

    document = cli("policy", "explain", "TXN-20251201-191354", "--json").json
    ran = cli("policy", "explain", "TXN-20251201-191354")

    assert document["score"] == 95
    moved = [*document["reasons"], *document["adjustments"]]
    assert sum(entry["points"] for entry in moved) == 95
    lines = [line for line in ran.out.splitlines() if " held " in line]
    assert [line.split()[0] for line in lines[:2]] == ["impossible-travel", "high-risk-merchant"]
    assert ran.out.index("impossible-travel ") < ran.out.index("fast-travel")
    assert "CEILING: Inferred evidence never exceeds 95" in ran.out
    assert "cap of the family place" in ran.out
    assert "BLOCK  95 of 100, CRITICAL" in ran.out


def test_explain_takes_a_file_and_stores_nothing(cli: Cli) -> None:
    Path("tx.json").write_text(json.dumps(payment(1, amount=5000)))

    ran = cli("policy", "explain", "tx.json", "--json")

    assert ran.code == 0
    assert ran.json["score"] > 0
    assert cli("decision", "T-1").code == 3
    assert cli("policy", "explain", "T-1").code == 3
    assert cli("policy", "explain", "-", stdin="[1]").code == 2
