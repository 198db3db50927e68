"""What `fi_info`, `nvidia-smi` and NCCL say is read as they mean it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.deployments.preflight.bandwidth import MIB, bus_gb_s, sizes_bytes
from fraudray.deployments.preflight.fabric import efa_domains, libfabric_version
from fraudray.deployments.preflight.gpus import active_links, links_expected, read_gpus
from fraudray.deployments.preflight.nccl_log import last_lines, read_network
from tests.unit.preflight.outputs import DOMAINS, FI_INFO_VERSION, GPUS, OVER_EFA, OVER_TCP, fi_info, nvlink


def test_each_efa_device_counts_once_whatever_fabrics_it_is_listed_for() -> None:
    assert efa_domains(fi_info(*DOMAINS)) == tuple(sorted(DOMAINS))
    assert efa_domains(fi_info(*DOMAINS, fabrics=("efa-direct", "efa"))) == tuple(sorted(DOMAINS))


def test_only_reliable_endpoints_of_efa_itself_count() -> None:
    layered = fi_info("efa_0-dgrm").replace("provider: efa\n", "provider: efa;ofi_rxd\n")
    assert efa_domains(fi_info("efa_0-dgrm", endpoint="FI_EP_DGRAM") + layered) == ()
    assert efa_domains("fi_getinfo: -61 (No data available)\n") == ()


def test_the_version_of_libfabric_is_that_of_the_library() -> None:
    assert libfabric_version(FI_INFO_VERSION) == (1, 22)
    assert libfabric_version("fi_info: command not found") is None


def test_gpus_are_read_and_an_error_of_nvidia_smi_is_repeated() -> None:
    gpus = read_gpus(GPUS)
    assert [gpu.index for gpu in gpus] == list(range(8))
    assert {(gpu.name, gpu.memory_mib) for gpu in gpus} == {("NVIDIA A100-SXM4-40GB", 40960)}
    with pytest.raises(ValueError, match="couldn't communicate with the NVIDIA driver"):
        read_gpus("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n")


def test_links_that_are_down_are_not_counted() -> None:
    assert active_links(nvlink(12, 11, 0)) == {0: 12, 1: 11, 2: 0}
    assert active_links("NVML: Unable to retrieve NVLink information as all links are inActive\n") == {}
    assert (links_expected("NVIDIA A100-SXM4-40GB"), links_expected("NVIDIA L4")) == (12, None)


def test_a_log_over_efa_shows_the_provider_and_gpu_direct() -> None:
    network = read_network(OVER_EFA)
    assert network.over_efa
    assert (network.providers, network.socket_line) == (("efa",), None)
    assert (network.channels, network.channels_gpu_direct) == (2, 2)


def test_a_log_that_fell_back_to_tcp_shows_it_though_the_plugin_spoke_up() -> None:
    network = read_network(OVER_TCP)
    assert not network.over_efa
    assert network.socket_line == "INFO NET/Socket : Using [0]eth0:192.0.2.18<0>"
    assert network.warnings == ("NET/OFI Initializing plugin failed",)
    assert (network.channels, network.channels_gpu_direct) == (1, 0)


@pytest.mark.parametrize(
    "log",
    [
        "",
        OVER_EFA.replace("provider is efa", "provider is tcp"),
        OVER_EFA + "p4d-0:31:88 [0] NCCL INFO Using network Socket\n",
        OVER_EFA + "p4d-0:31:90 [0] NCCL INFO NET/OFI Selected provider is tcp, fabric is eth0 (found 1 nics)\n",
    ],
    ids=["nothing said", "another provider", "a socket too", "two providers"],
)
def test_whatever_is_not_efa_alone_is_not_efa(log: str) -> None:
    assert not read_network(log).over_efa


def test_the_older_spelling_of_the_plugin_is_understood() -> None:
    assert read_network("w-0:26:26 [0] NCCL INFO NET/OFI Selected Provider is efa\n").over_efa


def test_the_last_lines_are_the_end_of_the_log() -> None:
    assert last_lines(OVER_EFA, 2) == tuple(OVER_EFA.splitlines()[-2:])


@given(st.integers(1, 5000))
def test_sizes_grow_by_the_same_factor_up_to_the_largest(largest_mib: int) -> None:
    sizes = sizes_bytes(largest_mib * MIB)
    assert sizes[-1] == largest_mib * MIB
    assert sizes[0] == min(MIB, sizes[-1])
    assert all(later == 4 * earlier for earlier, later in pairwise(sizes[:-1]))
    assert all(later > earlier for earlier, later in pairwise(sizes))
    assert all(size % 4 == 0 for size in sizes)


def test_bus_bandwidth_is_the_figure_of_nccl_tests() -> None:
    # A line of all_reduce_perf on two p4d.24xlarge, 16 ranks: 1073741824 bytes, 61556 us, busbw 32.71 GB/s.
    assert bus_gb_s(1_073_741_824, 61_556e-6, 16) == pytest.approx(32.71, abs=0.005)
    # Two ranks: what each sends is the whole buffer.
    assert bus_gb_s(10**9, 1, 2) == pytest.approx(1)
