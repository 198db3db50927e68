"""A CloudFormation stack: what a template would change in it, the change itself, and what it tells afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from uuid import uuid4

from fraudray.deployments.cluster.account import Account, AwsFailed
from fraudray.deployments.cluster.kube import NotThere
from fraudray.deployments.cluster.manifests import Document
from fraudray.deployments.cluster.waiting import Patience, Tell
from fraudray.domain.errors import Refused

_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
_EMPTY = ("didn't contain changes", "No updates are to be performed")
"""How CloudFormation says that a change set changes nothing: as a failure."""
_BEGUN = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one resource. `action`: Add, Modify, Remove; `replaced`: another takes its place, or may; `kept`:
    what goes from the stack stays in the account, or a snapshot of it."""

    action: str
    name: str
    kind: str
    replaced: bool
    kept: bool

    def document(self) -> Document:
        """As JSON."""
        return asdict(self)


class Stack:
    """One stack by its name. Methods raise NotAllowed, AwsFailed."""

    def __init__(self, account: Account, name: str) -> None:
        self.name = name
        self._account = account

    def state(self) -> str | None:
        """`CREATE_COMPLETE`; None where there is none, or only a change set was ever proposed for it."""
        found = self._described()
        state = None if found is None else str(found["StackStatus"])
        return None if state == "REVIEW_IN_PROGRESS" else state

    def outputs(self) -> dict[str, str]:
        """What the template's outputs came to."""
        found = self._described() or {}
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs") or []}

    def parameters(self, template: str) -> list[str]:
        """The names of the parameters that a template takes."""
        return [
            str(one["ParameterKey"]) for one in self._ask("get_template_summary", TemplateBody=template)["Parameters"]
        ]

    def propose(self, template: str, parameters: Mapping[str, str], patience: Patience, tell: Tell) -> Proposal:
        """A change set, made and read, not carried out. What is not among the parameters keeps its value.

        Raises Refused in a state that CloudFormation takes no change in, NotInTime.
        """
        state = self.state()
        if state is not None and state not in _DONE:
            raise Refused(f"the stack {self.name} is {state}: {_way_out(self.name, state)}; nothing was changed")
        now = {one["ParameterKey"] for one in (self._described() or {}).get("Parameters") or []} if state else set()
        kept = now.intersection(self.parameters(template)) - parameters.keys()
        name = f"fraudray-{uuid4().hex[:12]}"
        self._ask(
            "create_change_set", StackName=self.name, ChangeSetName=name, TemplateBody=template,
            ChangeSetType="UPDATE" if state else "CREATE",
            Parameters=[
                *({"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()),
                *({"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept)),
            ],
        )  # fmt: skip
        patience.wait(lambda: self._preparing(name), tell)
        return Proposal(self, name, tuple(self._changes(name)), creates=state is None)

    def carry_out(self, change_set: str, patience: Patience, tell: Tell) -> None:
        """Execute a change set and wait for its end. Raises AwsFailed with what failed, NotInTime."""
        self._ask("execute_change_set", StackName=self.name, ChangeSetName=change_set)
        patience.wait(self._under_way, tell)
        state = self.state()
        failed = [_told(event) for event in self._events() if str(event["ResourceStatus"]).endswith("_FAILED")]
        if failed or state not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            way = f": {_way_out(self.name, state)}" if state not in _DONE else ""
            raise AwsFailed(f"the stack {self.name} ended as {state} ({'; '.join(reversed(failed))}){way}")

    def discard(self, proposal: Proposal) -> None:
        """Leave nothing of a change set that is not wanted."""
        if proposal.creates:  # nothing but the change set is in it
            self._ask("delete_stack", StackName=self.name)
        else:
            self._ask("delete_change_set", StackName=self.name, ChangeSetName=proposal.change_set)

    def _preparing(self, change_set: str) -> str | None:
        found = self._ask("describe_change_set", StackName=self.name, ChangeSetName=change_set)
        state, why = str(found["Status"]), str(found.get("StatusReason") or "")
        if state == "FAILED" and not any(words in why for words in _EMPTY):
            raise AwsFailed(f"CloudFormation takes no such change of {self.name}: {why}")
        return None if state in ("CREATE_COMPLETE", "FAILED") else f"change set of {self.name}: {state}"

    def _changes(self, change_set: str) -> Iterator[Change]:
        asked: Document = {"StackName": self.name, "ChangeSetName": change_set}
        while True:
            found = self._ask("describe_change_set", **asked)
            for one in found.get("Changes") or []:
                resource = one["ResourceChange"]
                yield Change(
                    str(resource["Action"]), str(resource["LogicalResourceId"]), str(resource["ResourceType"]),
                    replaced=resource.get("Replacement") in ("True", "Conditional"),
                    kept=str(resource.get("PolicyAction") or "").endswith(("Retain", "Snapshot")),
                )  # fmt: skip
            if not (more := found.get("NextToken")):
                return
            asked["NextToken"] = more

    def _under_way(self) -> str | None:
        state = self.state()
        if state is None or not state.endswith("_IN_PROGRESS"):
            return None
        return next((_told(event) for event in self._events()), state)

    def _events(self) -> Iterator[Document]:
        """Of the change that is or was under way, the newest first."""
        for event in self._ask("describe_stack_events", StackName=self.name)["StackEvents"]:
            yield event
            if event["ResourceType"] == "AWS::CloudFormation::Stack" and event["ResourceStatus"] in _BEGUN:
                return

    def _described(self) -> Document | None:
        try:
            found: Document = self._ask("describe_stacks", StackName=self.name)["Stacks"][0]
        except NotThere:
            return None
        return found

    def _ask(self, operation: str, **arguments: object) -> Document:
        return self._account.ask("cloudformation", operation, **arguments)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change set that waits for somebody's word. `creates`: the stack is not there yet."""

    stack: Stack
    change_set: str
    changes: tuple[Change, ...]
    creates: bool

    @property
    def loses(self) -> list[Change]:
        """Resources that go or are replaced, and their content with them."""
        return [one for one in self.changes if (one.action == "Remove" or one.replaced) and not one.kept]


def _told(event: Document) -> str:
    why = event.get("ResourceStatusReason")
    return f"{event['LogicalResourceId']} {event['ResourceStatus']}" + (f": {why}" if why else "")


def _way_out(name: str, state: str | None) -> str:
    if state == "UPDATE_ROLLBACK_FAILED":
        return f"aws cloudformation continue-update-rollback --stack-name {name}, then again"
    if state and state.endswith("_IN_PROGRESS"):
        return "wait for its end, then again"
    return f"aws cloudformation delete-stack --stack-name {name} (buckets, EFS and the key stay), then again"
