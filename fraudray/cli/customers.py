"""`fraudray customers`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudray.cli.exits import InputError
from fraudray.cli.session import (
    AUTHOR,
    Author,
    DataDir,
    Document,
    Json,
    Limit,
    Offset,
    Session,
    checked_author,
    examples,
    new_app,
    read_text,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.service import Service

IMPORT_ROWS = 1000
SAMPLE_MAX = 4096
app = new_app(help="Register, show, hold and erase customers.")
CustomerId = Annotated[str, typer.Argument(metavar="ID", help="The customer's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on the audit trail.")]


@app.command("import", epilog=examples("fraudray customers import customers.yaml"))
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML or JSON list of customers, or NDJSON (.ndjson, .jsonl).")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Register customers from a file, replacing what was registered under the same ids.

    The whole file is checked first: with one bad record nothing is registered.
    """
    from fraudray.bootstrap import read_customers
    from fraudray.domain.errors import SettingsError

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    try:
        profiles = read_customers(file)
    except SettingsError as error:
        raise InputError(str(error)) from None
    records = [profile.model_dump(mode="json", exclude_none=True) for profile in profiles]
    with session.service() as service:
        answer = _register(service, records, checked_author(author))
    session.show(answer, f"Registered {answer['registered']:,} customers.")


@app.command(
    epilog=examples("fraudray customers put customer.json", 'echo \'{"customer_id": "C-1"}\' | fraudray customers put')
)
def put(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="One customer as a JSON object; - reads standard input.")] = Path("-"),
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Register one customer, replacing what was registered under the same id."""
    from fraudray.domain.transaction import load_json

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    try:
        record = load_json(read_text(file))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InputError(f"{file} is not one JSON object; `fraudray customers import FILE` takes lists")
    with session.service() as service:
        answer = _register(service, [record], checked_author(author))
    session.show(answer, f"Registered {record['customer_id']}.")


@app.command("list", epilog=examples("fraudray customers list --limit 500"))
def list_(
    ctx: typer.Context, limit: Limit = 50, offset: Offset = 0, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """List the ids of registered customers, in order."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.customers(limit=limit, offset=offset)
    from fraudray.cli.tables import listing

    rows = ((customer_id,) for customer_id in found["customers"])
    session.show(found, listing(("Customer",), rows, empty="No customers."))


@app.command(epilog=examples("fraudray customers show C-12345"))
def show(ctx: typer.Context, customer_id: CustomerId, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show what is registered of a customer, and whether the account is frozen."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        profile = service.customer(customer_id)
        account = service.account(customer_id)
    session.show(profile, _profile_view(profile, account))


@app.command(
    epilog=examples(
        "fraudray customers enrol C-12345 --sample-file sample.txt",
        'printf %s "$SAMPLE" | fraudray customers enrol C-12345 --sample-file -',
    )
)
def enrol(
    ctx: typer.Context,
    customer_id: CustomerId,
    sample_file: Annotated[Path, typer.Option("--sample-file", help="The sample as text; - reads standard input.")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Enrol a biometric sample of a registered customer, for `biometric_sample` of transactions to be compared with.

    The template is made here by the matcher in force (setting `biometric_matcher`); the sample goes nowhere else. One
    line break at its end is not part of it.
    """
    from fraudray.evidence.biometrics import find_matcher

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    matcher = find_matcher(session.settings.biometric_matcher)
    sample = read_text(sample_file, SAMPLE_MAX * 4).removesuffix("\n").removesuffix("\r")
    if not 0 < len(sample) <= SAMPLE_MAX:
        raise InputError(f"{sample_file} is not a sample: it has {len(sample):,} characters, of 1 to {SAMPLE_MAX:,}")
    try:
        template = matcher.enrol(sample)
    except ValueError as error:
        raise InputError(f"{sample_file} is no sample for {matcher.name}: {error}") from None
    with session.service() as service:
        answer = service.enrol(customer_id, template, author=checked_author(author))
    session.show(answer, f"Enrolled {customer_id} by {matcher.name}. A match proves no more than: {matcher.limits}.")


@app.command(epilog=examples("fraudray customers hold C-12345 --reason 'Court order 12/2026'"))
def hold(
    ctx: typer.Context,
    customer_id: CustomerId,
    reason: Reason,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put a customer's data under legal hold: it cannot be erased until the hold is lifted."""
    if not reason.strip():
        raise InputError("--reason is needed")
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        answer = service.hold(customer_id, reason=reason, author=checked_author(author))
    session.show(answer, f"The data of {customer_id} is under legal hold.")


@app.command(epilog=examples("fraudray customers unhold C-12345"))
def unhold(
    ctx: typer.Context,
    customer_id: CustomerId,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Lift the legal hold on a customer's data."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        answer = service.hold(customer_id, reason=None, author=checked_author(author))
    session.show(answer, f"The legal hold on the data of {customer_id} is lifted.")


@app.command(epilog=examples("fraudray customers erase C-12345 --reason 'Request of 2026-11-24' --yes"))
def erase(
    ctx: typer.Context,
    customer_id: CustomerId,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where no terminal can answer.")] = False,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Erase a customer's personal data for good. Decisions, amounts and the audit trail stay.

    Refused while a legal hold lies on the data.
    """
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    who = checked_author(author)
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("an erasure cannot be undone; say --yes to go on")
        typer.confirm(f"Erase the personal data of {customer_id} for good?", abort=True, err=True)
    with session.service() as service:
        answer = service.erase(customer_id, reason=reason, author=who)
    session.show(answer, f"The personal data of {customer_id} is erased.")


def _register(service: Service, records: Sequence[Mapping[str, Any]], author: str) -> Document:
    """Register in portions; a file that fits one portion is registered whole or not at all."""
    done = 0
    for start in range(0, len(records), IMPORT_ROWS):
        done += service.put_customers(records[start : start + IMPORT_ROWS], author=author)["registered"]
    return {"registered": done}


def _profile_view(profile: Document, account: Document) -> RenderableType:
    from fraudray.cli.accounts import account_line
    from fraudray.cli.tables import fields

    usual = profile.get("usual_amounts")
    return fields(
        [
            ("customer", profile["customer_id"]),
            ("name", profile.get("name")),
            ("e-mail", profile.get("email")),
            ("phone", profile.get("phone")),
            ("home", profile.get("home")),
            ("registered", profile.get("registered_at")),
            ("devices", "\n".join(device["device_id"] for device in profile.get("devices", [])) or None),
            ("addresses", "\n".join(profile.get("addresses", [])) or None),
            ("usual amounts", f"{usual['low']} to {usual['high']} {usual['currency']}" if usual else None),
            ("account", account_line(account)),
        ]
    )
