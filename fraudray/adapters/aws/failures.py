"""What AWS refuses, in words: whether to try again, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from fraudray.domain.errors import DeliveryFailed

# Refused now, perhaps not later. By code, since not all of them come with status 429 or 5xx.
_LATER = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
        "LimitExceededException", "RequestThrottled", "SlowDown", "RequestTimeout", "RequestTimeTooSkewed",
        "InternalFailure", "InternalError", "ServiceUnavailable", "ExpiredToken", "ExpiredTokenException",
        "SendingPausedException", "KMSThrottlingException", "KMSThrottling",
    }
)  # fmt: skip
_HINTS = {
    "MessageRejected": "verify the sender (FRAUDRAY_ALERT_SENDER) and, in the SES sandbox, the recipients",
    "MailFromDomainNotVerifiedException": "verify the MAIL FROM domain of the sender (FRAUDRAY_ALERT_SENDER)",
    "NoSuchBucket": "make the bucket, or correct FRAUDRAY_REPORTS_BUCKET",
    "AccessDenied": "the credentials in use may not do this",
    "AccessDeniedException": "the credentials in use may not do this",
    "AuthorizationError": "the credentials in use may not do this",
    "InvalidClientTokenId": "correct the credentials in use",
    "InvalidAccessKeyId": "correct the credentials in use",
    "SignatureDoesNotMatch": "correct the credentials in use",
}


@contextmanager
def delivering(service: str) -> Iterator[None]:
    """AWS' errors as DeliveryFailed. Throttling, 5xx and lost connections are tried again; refusals are permanent."""
    try:
        yield
    except ClientError as error:
        answer, status = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        code, http = str(answer.get("Code", "unknown")), int(status.get("HTTPStatusCode", 0))
        hint = f" ({_HINTS[code]})" if code in _HINTS else ""
        raise DeliveryFailed(
            f"{service} answered {code}: {answer.get('Message') or f'HTTP {http}'}{hint}",
            permanent=code not in _LATER and 400 <= http < 500 and http != 429,
        ) from None
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise DeliveryFailed(
            f"{service}: no AWS credentials: {error}; give this process a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        ) from None
    except ParamValidationError as error:
        raise DeliveryFailed(f"{service} does not take this: {' '.join(str(error).split())}", permanent=True) from None
    except BotoCoreError as error:
        raise DeliveryFailed(f"{service} cannot be reached: {error}") from None
