"""What the image holds of the path between nodes: libfabric, NCCL's plugin for it, and NCCL itself.

It needs no GPU, so that it can end the build of an image that would fall back to TCP.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from fraudray.deployments.preflight.fabric import LIBFABRIC_MIN, libfabric_version
from fraudray.deployments.preflight.findings import Finding, finding
from fraudray.deployments.preflight.programs import ask

PLUGIN_FOLDERS = (
    "/opt/amazon/ofi-nccl/lib", "/opt/amazon/ofi-nccl/lib64", "/opt/amazon/ofi-nccl/lib/x86_64-linux-gnu",
    "/opt/aws-ofi-nccl/lib", "/opt/aws-ofi-nccl/install/lib", "/opt/amazon/aws-ofi-nccl/lib",
)  # fmt: skip
"""Where AWS's installer, its images and its guides put the plugin."""

_VERSIONS = "import torch; print(torch.__version__, '.'.join(map(str, torch.cuda.nccl.version())))"


def image_findings() -> list[Finding]:
    """All checks of the image."""
    said = ask(("fi_info", "--version"))
    version = libfabric_version(said.output)
    shown = said.failed or (f"{version[0]}.{version[1]}" if version else "fi_info names no version")
    folders = [*os.environ.get("LD_LIBRARY_PATH", "").split(":"), *PLUGIN_FOLDERS]
    plugin = plugin_library(Path(folder) for folder in folders if folder)
    installer = "install AWS's EFA installer into the image (EFA_INSTALLER_VERSION in kuberay/images/llm.Dockerfile)"
    return [
        finding(
            "libfabric",
            ok=version is not None and version >= LIBFABRIC_MIN,
            found=f"{shown}, {LIBFABRIC_MIN[0]}.{LIBFABRIC_MIN[1]} or newer expected",
            do=installer,
        ),
        finding(
            "aws-ofi-nccl",
            ok=plugin is not None,
            found=str(plugin)
            if plugin
            else "NCCL's plugin for libfabric (libnccl-net*.so) is in none of the known folders",
            do=f"{installer}, and put the plugin's folder on LD_LIBRARY_PATH",
        ),
        torch_and_nccl(),
    ]


def torch_and_nccl() -> Finding:
    """The versions of torch and of the NCCL in it; asked in a process of its own, since torch takes memory."""
    do = "build on an image that has torch for CUDA: kuberay/images/llm.Dockerfile says which"
    if importlib.util.find_spec("torch") is None:
        return Finding("torch", False, "not installed", do)
    said = ask((sys.executable, "-c", _VERSIONS))
    torch, _, nccl = said.output.strip().partition(" ")
    return finding("torch", ok=not said.failed, found=said.failed or f"{torch}, NCCL {nccl}", do=do)


def plugin_library(folders: Iterable[Path]) -> Path | None:
    """The first library by which NCCL reaches libfabric; newer releases call it `libnccl-net-ofi.so`."""
    for folder in folders:
        for name in ("libnccl-net.so", "libnccl-net-ofi.so", "libnccl-net-aws-ofi.so"):
            if (folder / name).is_file():
                return folder / name
    return None
