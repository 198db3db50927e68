"""One Ray for all tests that need one, and small histories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fraudray.batch.cluster import connected


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[int]:
    """A local Ray with two CPUs, whose workers have credentials for moto; gives the number of CPUs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with connected(cpus=2) as cpus:
            yield cpus
