"""What moto does not tell as AWS does: capacity reservations, placement groups, quotas, file systems that are ready."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from tests.kuberay.listening import QuietHandler, listening

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


class AwsAnswers:
    """What there is. `quota_vcpus`: every quota's value; `denied`: operations that may not be called."""

    def __init__(self) -> None:
        self.reservations: dict[str, dict[str, str]] = {}
        self.placements: dict[str, str] = {}
        self.subnets: dict[str, dict[str, str]] = {}
        self.quota_vcpus = 192.0
        self.lustre: dict[str, str] = {}
        """States of FSx file systems, by their ids."""
        self.denied: set[str] = set()
        self.url = ""

    def answer(self, body: str, target: str | None) -> tuple[int, str, str]:
        """Status, content type and content."""
        if target is not None:
            return self._by_json(target, json.loads(body))
        asked = {key: values[0] for key, values in parse_qs(body).items()}
        operation = asked["Action"]
        if operation in self.denied:
            return _refused("UnauthorizedOperation", "You are not authorized to perform this operation.")
        if operation == "DescribeCapacityReservations":
            name = asked["CapacityReservationId.1"]
            if name not in self.reservations:
                return _refused("InvalidCapacityReservationId.NotFound", f"{name} does not exist")
            return _found(operation, "capacityReservationSet", self.reservations[name])
        if operation == "DescribeSubnets":
            names = [value for key, value in asked.items() if key.startswith("SubnetId.")]
            if missing := [name for name in names if name not in self.subnets]:
                return _refused("InvalidSubnetID.NotFound", f"The subnet ID '{missing[0]}' does not exist")
            return _found(operation, "subnetSet", *(self.subnets[name] for name in names))
        name = asked["GroupName.1"]
        if name not in self.placements:
            return _refused("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
        item = {"groupName": name, "strategy": self.placements[name], "state": "available"}
        return _found(operation, "placementGroupSet", item)

    def _by_json(self, target: str, asked: dict[str, Any]) -> tuple[int, str, str]:
        kind = "application/x-amz-json-1.1"
        if target.startswith("ServiceQuotas"):
            return 200, kind, json.dumps({"Quota": {"Value": self.quota_vcpus}})
        (name,) = asked["FileSystemIds"]
        if name not in self.lustre:
            return 400, kind, json.dumps({"__type": "FileSystemNotFound", "message": f"{name} does not exist"})
        found = {"FileSystemType": "LUSTRE", "StorageCapacity": 1200, "Lifecycle": self.lustre[name]}
        return 200, kind, json.dumps({"FileSystems": [found]})


@contextmanager
def answering(aws: AwsAnswers) -> Iterator[AwsAnswers]:
    """Served on a free port of loopback."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
            status, kind, text = aws.answer(self.body().decode(), self.headers.get("x-amz-target"))
            self.respond(status, kind, text.encode())

    with listening(Handler) as aws.url:
        yield aws


def _found(operation: str, name: str, *items: dict[str, str]) -> tuple[int, str, str]:
    fields = ("".join(f"<{key}>{value}</{key}>" for key, value in item.items()) for item in items)
    content = f"<requestId>1</requestId><{name}>{''.join(f'<item>{one}</item>' for one in fields)}</{name}>"
    return 200, "text/xml", f'<{operation}Response xmlns="{NAMESPACE}">{content}</{operation}Response>'


def _refused(code: str, message: str) -> tuple[int, str, str]:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return 400, "text/xml", f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
