"""Reports in Amazon S3, each with an address that opens without an AWS account until it expires."""

from __future__ import annotations

from fraudray.adapters.aws.failures import delivering
from fraudray.adapters.aws.session import Aws


class S3Shelf:
    """Implements `fraudray.ports.reports.ReportShelf`. What it writes is encrypted at rest."""

    def __init__(self, aws: Aws, *, bucket: str, prefix: str, link_s: int, kms_key: str | None) -> None:
        """Addresses open for `link_s` seconds. With `kms_key` S3 encrypts under that key, else under its own.

        Raises SettingsError.
        """
        self._client = aws.client("s3")
        self._bucket, self._prefix, self._link_s = bucket, prefix.strip("/"), link_s
        self._encryption: dict[str, str | bool] = {"ServerSideEncryption": "AES256"}
        if kms_key is not None:
            self._encryption = {
                "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key, "BucketKeyEnabled": True,
            }  # fmt: skip

    def put(self, name: str, content: bytes, content_type: str) -> str:
        """See `ReportShelf.put`."""
        key = f"{self._prefix}/{name}" if self._prefix else name
        with delivering("S3"):
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType=content_type, CacheControl="private, no-store",
                **self._encryption,
            )  # fmt: skip
            address: str = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=self._link_s
            )
        return address
