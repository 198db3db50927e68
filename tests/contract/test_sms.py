"""What every SMS sender must do: the embedded folder, and Amazon SNS as moto plays it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fraudray.adapters.aws.session import Aws
from fraudray.adapters.aws.sns import SnsSms
from fraudray.adapters.folder import FolderSms
from fraudray.domain.errors import DeliveryFailed
from fraudray.ports.messages import Sms, SmsSender
from tests.engines.moto import REGION, Moto

SMS = Sms("dec_1/customer_sms", "+1 206 555 0142", "We stopped a payment at Zoë’s Café.")


@dataclass
class Sender:
    sms: SmsSender
    received: Callable[[], list[str]]


def read_folder(folder: Path) -> list[str]:
    return [path.read_bytes().decode() for path in folder.glob("*.sms")]


@pytest.fixture(params=["folder", "sns"])
def sender(request: pytest.FixtureRequest, tmp_path: Path) -> Sender:
    if request.param == "folder":
        return Sender(FolderSms(tmp_path / "out"), lambda: read_folder(tmp_path / "out"))
    moto: Moto = request.getfixturevalue("moto")
    sns = SnsSms(Aws(REGION, moto.url, 10, "sms_by = sns"), sender_id="MyBank")
    return Sender(sns, lambda: [f"{number} {text}" for number, text in moto.texts()])


def test_a_message_goes_to_its_number_whole(sender: Sender) -> None:
    assert sender.sms.send(SMS)
    (received,) = sender.received()
    assert received.replace(" ", "").startswith(("To:+12065550142", "+12065550142"))
    assert SMS.text in received


@pytest.mark.parametrize("phone", ["206 555 0142", "+0 206 555 0142", "+1", "+123456789012345678"])
def test_a_number_that_is_not_international_is_a_permanent_failure(moto: Moto, phone: str) -> None:
    with pytest.raises(DeliveryFailed, match="international") as caught:
        SnsSms(Aws(REGION, moto.url, 10, "sms_by = sns")).send(Sms("k", phone, "t"))
    assert caught.value.permanent
    assert phone not in str(caught.value)
    assert moto.texts() == []


def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeliveryFailed):
        FolderSms(tmp_path / "file").send(SMS)
