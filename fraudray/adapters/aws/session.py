"""Clients of AWS services: region and endpoint by our settings, credentials by boto3's usual chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from fraudray.domain.errors import SettingsError

ATTEMPTS_MAX = 3  # of one call; the outbox tries again after that


@dataclass(frozen=True, slots=True)
class Aws:
    """How AWS is reached."""

    region: str | None
    endpoint_url: str | None
    timeout_s: float
    needed_by: str
    """The setting that asks for it, for what is said when it cannot be had."""

    def client(self, service: str) -> Any:
        """A client of `service`. Raises SettingsError when no region is set."""
        config = Config(
            connect_timeout=self.timeout_s,
            read_timeout=self.timeout_s,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
            user_agent_extra="fraudray",
            signature_version="s3v4" if service == "s3" else None,
            # A server that stands in for AWS knows no `bucket.host` names.
            s3={"addressing_style": "path"} if self.endpoint_url else None,
        )
        try:
            session = boto3.session.Session(region_name=self.region)
            if session.region_name is None:
                raise SettingsError(f"{self.needed_by} needs a region: set FRAUDRAY_AWS_REGION or AWS_REGION")
            return session.client(service, endpoint_url=self.endpoint_url, config=config)
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(f"{self.needed_by}: AWS cannot be used as it is set up: {error}") from None
