"""What libfabric's `fi_info` says: its version, and the EFA devices that it can open.

Formats: the examples of AWS's guide (EC2 user guide, "Get started with EFA and NCCL") and of libfabric's fi_info(1).
"""

from __future__ import annotations

import re

LIBFABRIC_MIN = (1, 18)
"""From here on libfabric chooses EFA and its RDMA by itself (awsome-distributed-training, EFA cheat sheet)."""

_FIELD = re.compile(r"^\s*([a-z_ ]+):\s*(.+?)\s*$")
_VERSION = re.compile(r"^libfabric:\s*(\d+)\.(\d+)", re.MULTILINE)


def efa_domains(fi_info: str) -> tuple[str, ...]:
    """The devices of `fi_info -p efa -t FI_EP_RDM`, sorted.

    Newer versions list a device once for the fabric `efa` and once for `efa-direct`; it is one device all the same.
    """
    found: set[str] = set()
    entry: dict[str, str] = {}
    for line in (*fi_info.splitlines(), "provider: end"):
        matched = _FIELD.match(line)
        if matched is None:
            continue
        name, value = matched.groups()
        if name == "provider":
            if entry.get("provider") == "efa" and entry.get("type") == "FI_EP_RDM" and "domain" in entry:
                found.add(entry["domain"])
            entry = {}
        entry[name] = value
    return tuple(sorted(found))


def libfabric_version(fi_info_version: str) -> tuple[int, int] | None:
    """Major and minor of `fi_info --version`, None where it says no version."""
    matched = _VERSION.search(fi_info_version)
    return (int(matched[1]), int(matched[2])) if matched else None
