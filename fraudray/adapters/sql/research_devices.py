"""A customer's devices: what is registered, what was used, and what was only tried."""

from __future__ import annotations

from sqlalchemy import func, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.question import Question
from fraudray.domain.research import CustomerDevice, CustomerDevices
from fraudray.ports.ledger import SIGHTED_MAX

_NEVER = t.from_us(0)
DECISIONS_MAX = 50
"""In so many of the customer's newest decisions the names of devices are looked for that were only tried."""


def devices_of(question: Question, customer_id: str) -> CustomerDevices:
    """See `Research.customer_devices`."""
    profile, state = question.unsealed.profile(customer_id), question.unsealed.state(customer_id)
    registered = {device.device_id: device.registered_at for device in profile.devices} if profile else {}
    names = dict.fromkeys([*registered, *state.devices, *_tried(question, customer_id)])
    blinds = {name: question.vault.blind_index("device", name) for name in names}
    s = t.sightings.c
    seen = {
        bytes(blind): (first_us, last_us)
        for blind, first_us, last_us in question.connection.execute(
            select(s.blind, s.first_us, s.last_us).where(s.customer_id == customer_id, s.blind.in_(blinds.values()))
        )
    }
    devices = []
    for name, blind in blinds.items():
        used = state.devices.get(name)
        first_us, last_us = seen.get(blind) or ((used.first_us, used.last_us) if used else (None, None))
        devices.append(
            CustomerDevice(
                device_id=name,
                registered=name in registered,
                registered_at=registered.get(name),
                first_seen=None if first_us is None else t.from_us(first_us),
                last_seen=None if last_us is None else t.from_us(last_us),
                trusted_uses=used.count if used else 0,
            )
        )
    devices.sort(key=lambda device: device.last_seen or _NEVER, reverse=True)
    shown = [
        device.model_copy(update={"other_customers": _others(question, blinds[device.device_id], customer_id)})
        for device in devices[: question.limit]
    ]
    return CustomerDevices(
        free_text=["devices.device_id"] if shown else [],
        customer_id=customer_id,
        registered=profile is not None,
        known=len(devices),
        devices=shown,
    )


def _tried(question: Question, customer_id: str) -> list[str]:
    """Devices of the newest decisions, blocked ones too."""
    d = t.decisions.c
    rows = question.connection.execute(
        select(d.document_sealed).where(d.customer_id == customer_id).order_by(d.decided_us.desc()).limit(DECISIONS_MAX)
    ).scalars()
    opened = [question.unsealed.decision(customer_id, bytes(sealed)) for sealed in rows]
    return [document.device for document in opened if document is not None and document.device is not None]


def _others(question: Question, blind: bytes, customer_id: str) -> int:
    s = t.sightings.c
    some = select(s.customer_id).where(s.blind == blind, s.customer_id != customer_id).limit(SIGHTED_MAX).subquery()
    return int(question.connection.execute(select(func.count()).select_from(some)).scalar_one())
