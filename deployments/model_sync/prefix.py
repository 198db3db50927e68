"""A place in S3: its address, the client that asks for it, and what a refusal means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fraudray.cli.exits import InputError
from fraudray.deployments.model_sync.errors import SyncFailed

CONNECT_S, READ_S = 10, 60
REQUEST_ATTEMPTS = 6  # of botocore, with growing pauses
S3_ERRORS = (Boto3Error, BotoCoreError, ClientError)
"""What a call of boto3 raises when S3 refuses or is not there."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # S3's rules of bucket names, its length among them
_RIGHTS = "who asks needs s3:ListBucket on the bucket and s3:GetObject on its objects, to upload s3:PutObject as well"
_HINTS = {
    "AccessDenied": _RIGHTS,
    "403": _RIGHTS,  # the answer to a HEAD has no body, hence no word
    "NoSuchBucket": "is its name right?",
    "NoCredentialsError": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run it under a role",
}


class Prefix:
    """All below `s3://bucket/prefix/`. Credentials come from where boto3 looks for them."""

    def __init__(self, url: str, *, region: str | None, connections: int) -> None:
        """Raises InputError for another kind of address, SyncFailed when boto3 cannot be set up."""
        self.bucket, path = _parsed(url)
        self.path = f"{path}/" if path else ""
        """What all keys begin with: empty, or with a slash at its end."""
        self.url = f"s3://{self.bucket}/{path}".rstrip("/")
        config = Config(
            connect_timeout=CONNECT_S, read_timeout=READ_S, max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": REQUEST_ATTEMPTS}, user_agent_extra="fraudray",
        )  # fmt: skip
        try:
            self.s3: Any = boto3.session.Session(region_name=region).client("s3", config=config)
        except (BotoCoreError, ValueError) as error:
            raise SyncFailed(f"AWS cannot be used as it is set up: {error}; --region names a region") from None

    def key(self, name: str) -> str:
        """The key of a file here; that of the folder itself for an empty name."""
        return self.path + name

    def objects(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """All objects here, by name, as S3 lists them; a folder's own object ends with a slash or has no name.

        Raises SyncFailed.
        """
        try:
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.path):
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self.path), entry
        except S3_ERRORS as error:
            raise self.failed("list", error) from None

    def failed(self, doing: str, error: BaseException) -> SyncFailed:
        """What is to be raised instead of one of `S3_ERRORS`: what was not done, why, and what may help."""
        if isinstance(error, Boto3Error) and isinstance(error.__context__, ClientError):
            error = error.__context__  # an upload's own error tells the cause as text only
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        words, hint = " ".join(str(error).split()), _HINTS.get(code)
        return SyncFailed(f"cannot {doing} in {self.url}: {words}" + (f" ({hint})" if hint else ""))


def _parsed(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that no IPv6 address follows
        parts = urlsplit("")
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise InputError(f"{url} is not of the form s3://bucket/prefix")
    return parts.netloc, parts.path.strip("/")
