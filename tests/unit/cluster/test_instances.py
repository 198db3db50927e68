"""What nodes have for pods."""

from __future__ import annotations

import pytest

from fraudray.deployments.cluster.instances import DAEMONS, HUGE_PAGES_MIB, instance_types, room


def test_the_table_has_the_instance_types_of_the_overlays() -> None:
    p4d = instance_types()["p4d.24xlarge"]

    assert (p4d.vcpus, p4d.memory_mib, p4d.gpus, p4d.accelerator, p4d.efa) == (96, 1152 * 1024, 8, "A100", 4)
    assert instance_types()["g6.12xlarge"].accelerator == "L4"


@pytest.mark.parametrize("name", sorted(instance_types()))
def test_pods_never_have_more_than_the_machine(name: str) -> None:
    instance = instance_types()[name]
    left = room(instance, efa=True)

    assert 0 < left.cpu_m < instance.allocatable_cpu_m < instance.vcpus * 1000
    assert 0 < left.memory_mib < instance.allocatable_memory_mib < instance.memory_mib
    assert (instance.gpus > 0) == (instance.accelerator != "")


def test_efa_takes_huge_pages_from_memory_and_brings_its_interfaces() -> None:
    p4d = instance_types()["p4d.24xlarge"]
    plain, efa = room(p4d, efa=False), room(p4d, efa=True)
    plugin = next(daemon for daemon in DAEMONS if daemon.only == "efa")

    assert (plain.efa, plain.huge_pages_mib) == (0, 0)
    assert (efa.efa, efa.huge_pages_mib) == (4, HUGE_PAGES_MIB)
    assert plain.memory_mib - efa.memory_mib == HUGE_PAGES_MIB + plugin.memory_mib
