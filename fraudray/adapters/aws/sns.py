"""SMS by Amazon SNS."""

from __future__ import annotations

import re
from typing import Any

from fraudray.adapters.aws.failures import delivering
from fraudray.adapters.aws.session import Aws
from fraudray.domain.errors import DeliveryFailed
from fraudray.ports.messages import Sms

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164
_WRITTEN = re.compile(r"[ ()./-]")


class SnsSms:
    """Publishes each SMS as transactional, which SNS delivers before promotions."""

    def __init__(self, aws: Aws, *, sender_id: str | None = None) -> None:
        """`sender_id` is shown as the sender where a country allows it. Raises SettingsError."""
        self._client = aws.client("sns")
        self._attributes: dict[str, Any] = {"AWS.SNS.SMS.SMSType": _text("Transactional")}
        if sender_id is not None:
            self._attributes["AWS.SNS.SMS.SenderID"] = _text(sender_id)

    def send(self, sms: Sms) -> str:
        """Sends or fails; a number that is not international is permanent, throttling is not."""
        number = _WRITTEN.sub("", sms.phone)
        if not _E164.fullmatch(number):
            raise DeliveryFailed("the registered phone number is not an international one (+…)", permanent=True)
        with delivering("SNS"):
            answer = self._client.publish(PhoneNumber=number, Message=sms.text, MessageAttributes=self._attributes)
        return f"sent by SNS, message {answer['MessageId']}"


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}
