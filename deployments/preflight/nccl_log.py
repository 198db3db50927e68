"""What NCCL says it does (NCCL_DEBUG=INFO): over which network, and whether straight from GPU memory.

NCCL falls back to TCP in silence when the EFA plugin cannot be used (aws-ofi-nccl#1063), so only these lines tell.
Formats: logs in aws-ofi-nccl's issues and AWS's guide: `NET/OFI Selected provider is efa, fabric is efa (found 4
nics)`, `Channel 00/0 : 8[0] -> 0[0] [receive] via NET/AWS Libfabric/0/GDRDMA`, `NET/Socket : Using [0]eth0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PROVIDER = re.compile(r"NET/OFI Selected provider is (\w+)", re.IGNORECASE)
_SOCKET = re.compile(r"NET/Socket|[Uu]sing network Socket")
_CHANNEL = re.compile(r"Channel .* via (NET/\S.*?)\s*$")
_WARNED = re.compile(r"NCCL WARN (.+?)\s*$")
TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class Network:
    """One rank's way to the other nodes, as its log has it."""

    providers: tuple[str, ...]
    """Libfabric providers that the plugin chose: `efa`."""
    socket_line: str | None
    """The first line that shows TCP, None where none does."""
    channels: int
    """Channels to other nodes that the log lists."""
    channels_gpu_direct: int
    """Those of them by which the network card reads and writes GPU memory itself."""
    warnings: tuple[str, ...]

    @property
    def over_efa(self) -> bool:
        """Whether all that leaves the node does so over EFA."""
        return self.providers == ("efa",) and self.socket_line is None


def read_network(log: str) -> Network:
    """The network that a rank's log shows."""
    lines = log.splitlines()
    channels = [match[1] for line in lines if (match := _CHANNEL.search(line))]
    return Network(
        providers=tuple(sorted({match[1].lower() for line in lines if (match := _PROVIDER.search(line))})),
        socket_line=next((_message(line) for line in lines if _SOCKET.search(line)), None),
        channels=len(channels),
        channels_gpu_direct=sum("GDRDMA" in channel for channel in channels),
        warnings=tuple(match[1] for line in lines if (match := _WARNED.search(line))),
    )


def last_lines(log: str, count: int = TAIL_LINES) -> tuple[str, ...]:
    """The end of a log, for whoever wants to know where it stopped."""
    return tuple(log.splitlines()[-count:])


def ranks_without_efa(logs: Iterable[tuple[int, str]]) -> list[int]:
    """Those ranks whose log does not show EFA alone."""
    return [rank for rank, log in logs if not read_network(log).over_efa]


def _message(line: str) -> str:
    return line.partition("NCCL ")[2] or line.strip()
