"""CloudFormation as its API answers: change sets that wait, stacks that take their time, and what fails on the way.

moto has change sets without outputs and without failures. A resource here is a name in a template; nothing is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import yaml

from tests.kuberay.listening import QuietHandler, listening

_SPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


class CloudFormation:
    """One account's stacks. `slow`: the first look finds work under way; `fails`: why the next execution does not end
    well; `pages`: changes that one answer holds."""

    def __init__(self) -> None:
        self.stacks: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        """Operations, in order."""
        self.slow = False
        self.fails: str | None = None
        self.pages = 2
        self._sets: dict[str, dict[str, Any]] = {}
        self.url = ""

    def answer(self, body: str) -> tuple[int, str]:
        """Status and content."""
        asked = {key: values[0] for key, values in parse_qs(body, keep_blank_values=True).items()}
        operation = asked["Action"]
        self.asked.append(operation)
        name = asked.get("StackName", "")
        if operation == "GetTemplateSummary":
            names = read(asked["TemplateBody"])["Parameters"]
            return _result(operation, {"Parameters": [{"ParameterKey": one} for one in names]})
        if operation == "CreateChangeSet":
            return self._proposed(name, asked)
        if operation == "DescribeChangeSet":
            return self._described_set(self._sets[asked["ChangeSetName"]], int(asked.get("NextToken", 0)))
        if operation == "DeleteChangeSet":
            del self._sets[asked["ChangeSetName"]]
            return _result(operation, {})
        if name not in self.stacks:
            return _refused(f"Stack with id {name} does not exist")
        if operation == "DescribeStacks":
            return _result(operation, {"Stacks": [self._looked_at(self.stacks[name])]})
        if operation == "DescribeStackEvents":
            return _result(operation, {"StackEvents": self.stacks[name]["events"]})
        if operation == "DeleteStack":
            del self.stacks[name]
            return _result(operation, {})
        assert operation == "ExecuteChangeSet", operation
        return self._executed(self.stacks[name], self._sets.pop(asked["ChangeSetName"]))

    def _proposed(self, name: str, asked: dict[str, str]) -> tuple[int, str]:
        template = read(asked["TemplateBody"])
        if (asked["ChangeSetType"] == "UPDATE") != (self.stacks.get(name, {}).get("StackStatus") not in _NONE):
            return _refused(f"Stack {name} is in a state that takes no {asked['ChangeSetType']}")
        stack = self.stacks.setdefault(
            name, {"StackStatus": "REVIEW_IN_PROGRESS", "template": {"Resources": {}}, "parameters": {}, "events": []}
        )
        given: dict[str, str] = {}
        for number in range(1, 100):
            at = f"Parameters.member.{number}."
            if f"{at}ParameterKey" not in asked:
                break
            key = asked[f"{at}ParameterKey"]
            if key not in template["Parameters"]:
                return _refused(f"Parameters: [{key}] do not exist in the template")
            kept = asked.get(f"{at}UsePreviousValue") == "true"
            given[key] = stack["parameters"][key] if kept else asked[f"{at}ParameterValue"]
        for key, one in template["Parameters"].items():
            if key not in given and "Default" not in one:
                return _refused(f"Parameters: [{key}] must have values")
            given.setdefault(key, str(one.get("Default")))
        changes = list(_changes(stack, template, given))
        self._sets[asked["ChangeSetName"]] = {
            "template": template, "parameters": given, "changes": changes,
            "states": ["CREATE_PENDING"] if self.slow else [],
        }  # fmt: skip
        return _result("CreateChangeSet", {"Id": asked["ChangeSetName"]})

    def _described_set(self, found: dict[str, Any], start: int) -> tuple[int, str]:
        document: dict[str, Any] = {"Status": "CREATE_COMPLETE"}
        if found["states"]:
            document["Status"] = found["states"].pop()
        elif not found["changes"]:
            document = {
                "Status": "FAILED",
                "StatusReason": "The submitted information didn't contain changes. Submit …",
            }
        else:
            document["Changes"] = [{"ResourceChange": one} for one in found["changes"][start : start + self.pages]]
            if len(found["changes"]) > start + self.pages:
                document["NextToken"] = str(start + self.pages)
        return _result("DescribeChangeSet", document)

    def _executed(self, stack: dict[str, Any], wanted: dict[str, Any]) -> tuple[int, str]:
        what = "CREATE" if stack["StackStatus"] == "REVIEW_IN_PROGRESS" else "UPDATE"
        begun = {"LogicalResourceId": "stack", "ResourceType": "AWS::CloudFormation::Stack",
                 "ResourceStatus": f"{what}_IN_PROGRESS"}  # fmt: skip
        first = wanted["changes"][0]
        stack["events"] = [
            {"LogicalResourceId": first["LogicalResourceId"], "ResourceType": first["ResourceType"],
             "ResourceStatus": f"{what}_FAILED" if self.fails else f"{what}_IN_PROGRESS",
             **({"ResourceStatusReason": self.fails} if self.fails else {})},
            begun,
            {"LogicalResourceId": "Before", "ResourceType": "AWS::S3::Bucket", "ResourceStatus": "CREATE_FAILED"},
        ]  # fmt: skip
        if self.fails:
            stack["then"] = "ROLLBACK_COMPLETE" if what == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
        else:
            stack |= {"then": f"{what}_COMPLETE", "template": wanted["template"], "parameters": wanted["parameters"]}
        stack["StackStatus"] = f"{what}_IN_PROGRESS"
        return _result("ExecuteChangeSet", {})

    def _looked_at(self, stack: dict[str, Any]) -> dict[str, Any]:
        if not self.slow:
            stack["StackStatus"] = stack.pop("then", stack["StackStatus"])
        given = stack["parameters"].items()
        document = {
            "StackStatus": stack["StackStatus"],
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in given],
            "Outputs": [
                {"OutputKey": key, "OutputValue": f"made-{key}"}
                for key, one in stack["template"].get("Outputs", {}).items()
                if _holds(stack["template"], stack["parameters"], one)
            ],
        }  # fmt: skip
        stack["StackStatus"] = stack.pop("then", stack["StackStatus"])
        return document


_NONE = (None, "REVIEW_IN_PROGRESS")


def read(template: str) -> dict[str, Any]:
    """A template with its short forms as they are in JSON."""
    found: dict[str, Any] = yaml.load(template, Loader=_Loader)  # noqa: S506 - a safe loader, with tags
    return found


class _Loader(yaml.SafeLoader):
    """Knows `!Ref` and its like."""


def _short(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise yaml.constructor.ConstructorError(problem=f"!{suffix} of neither a value nor a list")


_Loader.add_multi_constructor("!", _short)


def _holds(template: dict[str, Any], parameters: dict[str, str], one: dict[str, Any]) -> bool:
    if "Condition" not in one:
        return True
    left, right = template["Conditions"][one["Condition"]]["Fn::Equals"]
    return parameters[left["Ref"]] == right


def _changes(stack: dict[str, Any], template: dict[str, Any], given: dict[str, str]) -> Iterator[dict[str, str]]:
    before = {
        name: one for name, one in stack["template"]["Resources"].items()
        if _holds(stack["template"], stack["parameters"], one)
    }  # fmt: skip
    after = {name: one for name, one in template["Resources"].items() if _holds(template, given, one)}
    altered = {key for key in given if key in stack["parameters"] and stack["parameters"][key] != given[key]}
    for name in before.keys() | after.keys():
        one = after.get(name) or before[name]
        change = {"LogicalResourceId": name, "ResourceType": one["Type"]}
        if name not in before:
            yield change | {"Action": "Add"}
        elif name not in after:
            yield change | {"Action": "Remove", "PolicyAction": one.get("DeletionPolicy", "Delete")}
        elif one != before[name] or any(f"'{key}'" in str(one) for key in altered):
            yield change | {"Action": "Modify", "Replacement": "True" if "Bucket" in one["Type"] else "False"}


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(one)}</{key}>" for key, one in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(one)}</member>" for one in value)
    return escape(str(value))


def _result(operation: str, document: dict[str, Any]) -> tuple[int, str]:
    inside = f"<{operation}Result>{_xml(document)}</{operation}Result>"
    return 200, f'<{operation}Response xmlns="{_SPACE}">{inside}</{operation}Response>'


def _refused(words: str) -> tuple[int, str]:
    error = _xml({"Error": {"Type": "Sender", "Code": "ValidationError", "Message": words}})
    return 400, f'<ErrorResponse xmlns="{_SPACE}">{error}<RequestId>1</RequestId></ErrorResponse>'


@contextmanager
def forming(stacks: CloudFormation) -> Iterator[CloudFormation]:
    """Served on a free port of loopback."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
            status, text = stacks.answer(self.body().decode())
            self.respond(status, "text/xml", text.encode())

    with listening(Handler) as stacks.url:
        yield stacks
