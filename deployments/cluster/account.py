"""An AWS account, asked for what is there: each answer is a document, there is none, or it may not be seen."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.kube import NotAllowed, NotThere
from fraudray.domain.errors import FraudrayError

Document = dict[str, Any]
CONNECT_S, READ_S, ATTEMPTS_MAX = 5, 20, 3
# How the services that are asked here say that there is no such thing, and that one may not look.
_NOT_THERE = (
    "NotFound",
    "NotFoundException",
    "NoSuchBucket",
    "404",
    "NoSuchResourceException",
    "Unknown",
    "NotFoundFault",
)
_NOT_ALLOWED = (
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "ExpiredToken", "ExpiredTokenException",
    "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch",
)  # fmt: skip


class AwsFailed(FraudrayError):
    """AWS does not answer, or not as it should; says which call."""


class Account:
    """The account that boto3 finds credentials for, in one region."""

    def __init__(self, region: str) -> None:
        """Raises InputError without boto3."""
        try:
            self._boto3: Any = import_module("boto3")
            self._botocore: Any = import_module("botocore.exceptions")
            config: Any = import_module("botocore.config")
        except ModuleNotFoundError as error:
            raise InputError(f"asking AWS needs {error.name}: pip install 'fraudray[cluster,aws]'") from None
        self.region = region
        self._config = config.Config(
            connect_timeout=CONNECT_S, read_timeout=READ_S, user_agent_extra="fraudray",
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
        )  # fmt: skip
        self._clients: dict[str, Any] = {}

    def ask(self, service: str, operation: str, **arguments: Any) -> Document:
        """The answer to one call, as boto3 names it. Raises NotThere, NotAllowed, AwsFailed."""
        failures = self._botocore
        try:
            answer: Document = getattr(self._client(service), operation)(**arguments)
        except failures.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            words = f"{service}:{operation}: {error.response.get('Error', {}).get('Message') or code}"
            # CloudFormation has no code of its own for a stack that is not there.
            if code.endswith(_NOT_THERE) or (code == "ValidationError" and "does not exist" in words):
                raise NotThere(words) from None
            raise (NotAllowed if code in _NOT_ALLOWED else AwsFailed)(words) from None
        except failures.NoCredentialsError:
            raise NotAllowed("no AWS credentials here (`aws sso login`, AWS_PROFILE, or a role)") from None
        except (failures.BotoCoreError, ValueError) as error:
            raise AwsFailed(f"{service}:{operation}: {' '.join(str(error).split())}") from None
        return answer

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            session = self._boto3.session.Session(region_name=self.region)
            self._clients[service] = session.client(service, config=self._config)
        return self._clients[service]
