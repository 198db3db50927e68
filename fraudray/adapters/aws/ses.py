"""Mail by Amazon SES (API v2)."""

from __future__ import annotations

from fraudray.adapters.aws.failures import delivering
from fraudray.adapters.aws.session import Aws
from fraudray.adapters.mime import compose, digest
from fraudray.ports.messages import Mail


class SesMailer:
    """Sends each mail as the same message that SMTP would carry. SES gives it a Message-ID of its own; ours goes along
    as header and as tag, by which events tell a repeated sending."""

    def __init__(self, aws: Aws) -> None:
        """Raises SettingsError."""
        self._client = aws.client("sesv2")

    def send(self, mail: Mail) -> str:
        """Sends to all recipients or fails; what SES refuses is permanent, throttling is not."""
        content = compose(mail).as_bytes()
        with delivering("SES"):
            answer = self._client.send_email(
                FromEmailAddress=mail.sender,
                Destination={"ToAddresses": list(mail.recipients)},
                Content={"Raw": {"Data": content}},
                EmailTags=[{"Name": "fraudray-key", "Value": digest(mail.key)}],
            )
        return f"sent to {len(mail.recipients)} recipient(s) by SES, message {answer['MessageId']}"
