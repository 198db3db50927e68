"""What the all-reduce between the nodes proves: all meet, the sums are right, EFA carries them, and fast enough."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fraudray.deployments.preflight.findings import Finding, finding
from fraudray.deployments.preflight.nccl_log import last_lines, ranks_without_efa, read_network
from fraudray.deployments.preflight.ranks import Measured, Outcome, Plan, run_ranks

MIB = 1 << 20


def network_findings(plan: Plan, floor_gb_s: float | None) -> tuple[list[Finding], dict[str, Any]]:
    """Run it. With `floor_gb_s` the bus bandwidth at the largest size must reach it. Also the figures, for `--json`."""
    outcome = run_ranks(plan)
    logs = {rank: _text(plan, rank) for rank in plan.own}
    findings = [_reached(plan, outcome)]
    if outcome.measured:
        findings.append(_sums(outcome.measured))
    if plan.device == "cuda" and plan.nodes > 1 and "connected" in outcome.done:
        findings += over_efa(logs)
    if floor_gb_s is not None and outcome.failed is None:
        findings.append(_bandwidth(outcome.measured[-1], floor_gb_s))
    figures: dict[str, Any] = {"all_reduce": [asdict(each) for each in outcome.measured]}
    if outcome.failed is not None:
        figures["nccl_last_lines"] = {str(rank): last_lines(log) for rank, log in logs.items() if log}
    return findings, figures


def over_efa(logs: dict[int, str]) -> list[Finding]:
    """Whether the logs of all ranks of this node, by rank, show EFA and nothing else."""
    without = ranks_without_efa(logs.items())
    do = (
        "NCCL did not use EFA, and says so in its log alone: check the image (`--only image`) and the devices above; "
        "never set NCCL_NET=Socket; FI_PROVIDER=efa helps with libfabric before 1.18 only"
    )
    if not without:
        found = f"{len(logs)} rank(s) say NET/OFI with provider efa"
    else:
        first = read_network(logs[without[0]])
        found = f"rank(s) {', '.join(map(str, without))} do not: {first.socket_line or _providers(first.providers)}"
    networks = [read_network(log) for log in logs.values()]
    channels = sum(network.channels for network in networks)
    direct = sum(network.channels_gpu_direct for network in networks)
    return [
        finding("NCCL over EFA", ok=not without, found=found, do=do),
        finding(
            "GPUDirect RDMA",
            ok=channels > 0 and direct == channels,
            found=f"{direct} of {channels} channels to other nodes",
            do="p4d and newer have it: unset NCCL_NET_GDR_LEVEL; before libfabric 1.18 set FI_EFA_USE_DEVICE_RDMA=1",
        ),
    ]


def _reached(plan: Plan, outcome: Outcome) -> Finding:
    if outcome.failed is None:
        return Finding("all-reduce", True, f"{plan.ranks} ranks on {plan.nodes} node(s)")
    step = plan.steps[len(outcome.done)]
    where = {"met": "while meeting", "connected": "while connecting"}.get(
        step, f"at {int(step) // MIB:,} MiB" if step.isdigit() else step
    )
    do = {
        "met": f"all {plan.nodes} pods must run at once, and {plan.master}:{plan.port} must lead to the first: a "
        "headless service with publishNotReadyAddresses, and a network policy that lets the pods reach each other",
        "connected": "the security group of the nodes must allow all traffic from and to itself, for EFA; "
        "NCCL's last lines are below",
    }.get(step, "see NCCL's last lines below; a device that failed under load is in the node's dmesg")
    return Finding("all-reduce", False, f"stopped {where}: {outcome.failed}", do)


def _sums(measured: tuple[Measured, ...]) -> Finding:
    wrong = [f"{each.wrong:,} items at {each.size_bytes // MIB:,} MiB" for each in measured if each.wrong]
    return finding(
        "sums",
        ok=not wrong,
        found=f"wrong: {', '.join(wrong)}"
        if wrong
        else f"right at {len(measured)} sizes up to {measured[-1].size_bytes // MIB:,} MiB",
        do="do not serve from these nodes: data is damaged in memory or on the way; replace them one after the other",
    )


def _bandwidth(largest: Measured, floor_gb_s: float) -> Finding:
    return finding(
        "bus bandwidth",
        ok=largest.bus_gb_s >= floor_gb_s,
        found=f"{largest.bus_gb_s:,.2f} GB/s at {largest.size_bytes // MIB:,} MiB, {floor_gb_s:,.2f} expected at least",
        do="put both nodes into one cluster placement group, with all EFA devices each, and nothing else on them",
    )


def _providers(providers: tuple[str, ...]) -> str:
    return f"libfabric's provider is {', '.join(providers)}" if providers else "no line with NET/OFI"


def _text(plan: Plan, rank: int) -> str:
    try:
        return plan.log(rank).read_text(errors="replace")
    except FileNotFoundError:
        return ""
