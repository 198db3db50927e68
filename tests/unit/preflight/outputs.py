"""Outputs as the programs write them, from the documented formats (see the parsers), with made-up addresses."""

from __future__ import annotations

DOMAINS = ("rdmap16s27-rdm", "rdmap32s27-rdm", "rdmap144s27-rdm", "rdmap160s27-rdm")


def fi_info(*domains: str, fabrics: tuple[str, ...] = ("efa",), endpoint: str = "FI_EP_RDM") -> str:
    """`fi_info -p efa`."""
    return "".join(
        f"provider: efa\n    fabric: {fabric}\n    domain: {domain}\n    version: 122.0\n    type: {endpoint}\n"
        "    protocol: FI_PROTO_EFA\n"
        for domain in domains
        for fabric in fabrics
    )


FI_INFO_VERSION = "/opt/amazon/efa/bin/fi_info: 1.22.0amzn5.0\nlibfabric: 1.22.0amzn5.0\nlibfabric api: 1.22\n"
GPUS = "".join(f"{index}, NVIDIA A100-SXM4-40GB, 40960\n" for index in range(8))


def nvlink(*links_of_each_gpu: int) -> str:
    """`nvidia-smi nvlink --status` of A100s, with so many of 12 links up."""
    return "".join(
        f"GPU {gpu}: NVIDIA A100-SXM4-40GB (UUID: GPU-00000000-0000-0000-0000-00000000000{gpu})\n"
        + "".join(f"\t Link {link}: {'25 GB/s' if link < up else '<inactive>'}\n" for link in range(12))
        for gpu, up in enumerate(links_of_each_gpu)
    )


OVER_EFA = """\
p4d-0:31:31 [0] NCCL INFO NCCL_SOCKET_IFNAME set by environment to en,eth
p4d-0:31:31 [0] NCCL INFO Bootstrap : Using eth0:192.0.2.17<0>
p4d-0:31:88 [0] NCCL INFO NET/OFI Initializing aws-ofi-nccl 1.14.1
p4d-0:31:88 [0] NCCL INFO NET/OFI Running on p4d.24xlarge platform, topology file p4d-24xl-topo.xml
p4d-0:31:88 [0] NCCL INFO NET/OFI Selected provider is efa, fabric is efa (found 4 nics)
p4d-0:31:88 [0] NCCL INFO Using network AWS Libfabric
p4d-0:31:88 [0] NCCL INFO Channel 00/0 : 9[1] -> 0[0] [receive] via NET/AWS Libfabric/0/GDRDMA
p4d-0:31:88 [0] NCCL INFO Channel 00/0 : 0[0] -> 7[7] via P2P/CUMEM/read
p4d-0:31:88 [0] NCCL INFO Channel 01/0 : 0[0] -> 8[0] [send] via NET/Libfabric/0/GDRDMA(PXN)
p4d-0:31:88 [0] NCCL INFO comm 0x7ff70c000dc0 rank 0 nranks 16 cudaDev 0 busId 101c0 - Init COMPLETE
"""
OVER_TCP = """\
p4d-1:31:31 [3] NCCL INFO Bootstrap : Using eth0:192.0.2.18<0>
p4d-1:31:88 [3] NCCL WARN NET/OFI Initializing plugin failed
p4d-1:31:88 [3] NCCL INFO NET/IB : No device found.
p4d-1:31:88 [3] NCCL INFO NET/Socket : Using [0]eth0:192.0.2.18<0>
p4d-1:31:88 [3] NCCL INFO Using network Socket
p4d-1:31:88 [3] NCCL INFO Channel 00/0 : 11[3] -> 0[0] [send] via NET/Socket/0
"""
