"""`python -m fraudray.deployments.preflight`: one pod of an Indexed Job a node, all at once. Exit code 0 or 1."""

from __future__ import annotations

import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fraudray.cli.exits import ExitCode
from fraudray.cli.session import Json, new_app, print_json
from fraudray.cli.text import visible
from fraudray.deployments.preflight.bandwidth import P4D_FLOOR_GB_S
from fraudray.deployments.preflight.findings import Finding, document
from fraudray.deployments.preflight.image import image_findings
from fraudray.deployments.preflight.network import network_findings
from fraudray.deployments.preflight.node import Expected, System, node_findings
from fraudray.deployments.preflight.ranks import Plan

MIB = 1 << 20
app = new_app()


class Device(StrEnum):
    """What the all-reduce runs on: NCCL between GPUs, or gloo between processors, to try the check itself."""

    CUDA = "cuda"
    CPU = "cpu"


class Part(StrEnum):
    """Checks that belong together."""

    IMAGE = "image"
    NODE = "node"
    NETWORK = "network"


@app.command()
def preflight(
    node: Annotated[int, typer.Option(envvar="JOB_COMPLETION_INDEX", min=0, help="Which of the nodes this is.")] = 0,
    nodes: Annotated[int, typer.Option(min=1, max=64, help="How many there are.")] = 2,
    master: Annotated[str, typer.Option(envvar="MASTER_ADDR", help="Name or address of node 0.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="MASTER_PORT", min=1, max=65535, help="A free port there.")] = 29500,
    device: Annotated[Device, typer.Option(help="What the all-reduce runs on.")] = Device.CUDA,
    gpus: Annotated[int, typer.Option(min=1, max=64, help="GPUs of a node; with cpu, processes.")] = 8,
    gpu_name: Annotated[str, typer.Option(help="What their name contains.")] = "A100",
    efa: Annotated[int, typer.Option(min=0, max=64, help="EFA devices of a node; 0: none wanted.")] = 4,
    huge_pages_mib: Annotated[int, typer.Option(min=0, help="Huge pages of 2 MiB that the pod asks for.")] = 5120,
    shm_gib: Annotated[float, typer.Option(min=0, help="Least size of /dev/shm.")] = 10.0,
    largest_mib: Annotated[int, typer.Option(min=1, max=8192, help="Largest all-reduce.")] = 1024,
    floor_gb_s: Annotated[
        float | None,
        typer.Option(
            "--floor-gb-s", min=0, help="Least bus bandwidth at the largest size, in 10^9 bytes/s, as by nccl-tests.",
            show_default=f"{P4D_FLOOR_GB_S:.0f} between GPUs of several nodes",
        ),
    ] = None,
    meet_s: Annotated[float, typer.Option(min=1, max=7200, help="How long the others may take to be there.")] = 900,
    step_s: Annotated[float, typer.Option(min=1, max=3600, help="How long each further step may take.")] = 180,
    only: Annotated[list[Part] | None, typer.Option(help="Leave out the other parts. Repeatable.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Check the image, the node, and the network between the nodes; say of each `ok`, or what to do."""
    if node >= nodes:
        raise typer.BadParameter(f"there are {nodes} nodes, counted from 0", param_hint="--node")
    parts = only or list(Part)
    findings: list[Finding] = []
    figures: dict[str, Any] = {}

    def told(found: list[Finding]) -> None:
        findings.extend(found)
        if not as_json:
            for each in found:
                typer.echo(visible(each.line()))

    if Part.IMAGE in parts:
        told(image_findings())
    if Part.NODE in parts:
        told(node_findings(Expected(gpus, gpu_name, efa, huge_pages_mib, shm_gib), System()))
    if Part.NETWORK in parts:
        if floor_gb_s is None and device is Device.CUDA and nodes > 1:
            floor_gb_s = P4D_FLOOR_GB_S
        with tempfile.TemporaryDirectory(prefix="preflight-") as logs:
            plan = Plan(device.value, nodes, node, gpus, master, port, largest_mib * MIB, meet_s, step_s, Path(logs))
            found, figures = network_findings(plan, floor_gb_s)
        told(found)
        if not as_json:
            _tell_figures(figures)
    if as_json:
        print_json(document(node, findings, host=os.uname().nodename, **figures))
    if not all(each.ok for each in findings):
        raise typer.Exit(ExitCode.FOUND)


def _tell_figures(figures: dict[str, Any]) -> None:
    for each in figures["all_reduce"]:
        size_mib, took_ms = each["size_bytes"] // MIB, each["seconds"] * 1e3
        typer.echo(f"{'':<8}{size_mib:>6,} MiB {took_ms:>12,.3f} ms {each['bus_gb_s']:>10,.2f} GB/s")
    for rank, lines in figures.get("nccl_last_lines", {}).items():
        typer.echo(f"NCCL's last lines of rank {rank}:")
        for line in lines:
            typer.echo(visible(f"  {line}"))


if __name__ == "__main__":
    app(prog_name="python -m fraudray.deployments.preflight")
