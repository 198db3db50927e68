"""`fraudray cluster foundation`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import say
from fraudray.cli.session import Json, Session
from fraudray.deployments.cluster.deploy_command import Overlay, Yes
from fraudray.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from fraudray.deployments.cluster.places import Place
    from fraudray.deployments.cluster.stack import Change, Proposal


def foundation(
    ctx: typer.Context, overlay: Overlay,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAMETER=VALUE", help="Another size, as DatabaseClass=db.m7g.xlarge."),
    ] = None,
    yes: Yes = False,
    wait_s: Annotated[float, typer.Option("--wait-s", min=60, max=14_400, help="For AWS to make it.")] = 5400,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make what an overlay's cluster stands on: network, key, database, file systems, buckets, firewall, secrets.

    One CloudFormation stack of kuberay/foundation/foundation.yaml, with the values of site.env. What would be made,
    changed or lost is shown with what it costs a day, then asked for. What AWS chose (ids, ARNs) is put into site.env.
    Run again, it changes what differs, and nothing where all is as it should be. Data outlives the stack.
    """
    from fraudray.cli.session import read_text
    from fraudray.deployments.cluster.account import Account
    from fraudray.deployments.cluster.asking import may
    from fraudray.deployments.cluster.cluster_config import cluster_config
    from fraudray.deployments.cluster.foundation_values import parameters, template_of
    from fraudray.deployments.cluster.places import find_place
    from fraudray.deployments.cluster.rendering import render
    from fraudray.deployments.cluster.site_values import site_values
    from fraudray.deployments.cluster.stack import Stack
    from fraudray.deployments.cluster.waiting import Patience, telling

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    place = find_place(overlay)
    config = cluster_config(render(place.eksctl), source=str(place.eksctl))
    template = read_text(template_of(place.root), _TEMPLATE_BYTES_MAX)
    stack = Stack(Account(config.region), f"{config.name}-foundation")
    wanted = parameters(config, site_values(place.site), sets or [], declared=stack.parameters(template))
    patience = Patience(wait_s)
    with telling() as tell:
        proposal = stack.propose(template, wanted, patience, tell)
    if not as_json:
        session.out.print(_view(place, config.region, proposal))
    if proposal.changes:
        try:
            may(_question(proposal), yes=yes, shown=not as_json)
        except (Refused, typer.Abort):  # nobody to ask, or a no
            stack.discard(proposal)
            raise
        with telling() as tell:
            stack.carry_out(proposal.change_set, patience, tell)
    else:
        stack.discard(proposal)
    _put(session, place, stack.outputs(), proposal)


_TEMPLATE_BYTES_MAX = 51_200
"""What CloudFormation takes in a request."""


def _question(proposal: Proposal) -> str:
    lost = ", ".join(one.name for one in proposal.loses)
    if lost:
        return f"Change {proposal.stack.name}, which removes or replaces {lost}?"
    return f"{'Make' if proposal.creates else 'Change'} {proposal.stack.name}?"


def _put(session: Session, place: Place, outputs: Mapping[str, str], proposal: Proposal) -> None:
    """Into the site's values, and said."""
    from fraudray.deployments.cluster.foundation_values import costs, site_lines
    from fraudray.deployments.cluster.prices import load_prices
    from fraudray.deployments.cluster.site_values import changed_lines, put_values, site_values

    found = site_lines(outputs)
    known = site_values(place.site)
    lines = changed_lines(place.site, {key: value for key, value in found.items() if key in known})
    put_values(place.site, found)
    if session.as_json:
        session.show({
            "stack": proposal.stack.name, "created": proposal.creates,
            "changes": [one.document() for one in proposal.changes], "outputs": dict(outputs),
            "site_lines": [after for _, after in lines],
            "usd_per_day": {what: f"{usd:.4f}" for what, usd in costs(place.name, load_prices()).items()},
        })  # fmt: skip
        return
    for _, after in lines:
        session.out.print(f"  {after}", highlight=False, markup=False, soft_wrap=True)
    say(f"{place.site}: " + (f"{len(lines)} values are new; commit them." if lines else "every value is as it was."))
    for key in sorted(found.keys() - known.keys()):
        say(f"{place.site} has no {key}; it would be {found[key]}")
    say(f"Next: the certificate and the secrets that nobody can guess (kuberay/README.md, step 3), then fraudray "
        f"cluster create {place.name}")  # fmt: skip


def _view(place: Place, region: str, proposal: Proposal) -> RenderableType:
    from collections import Counter

    from rich.console import Group

    from fraudray.cli.tables import listing, plain
    from fraudray.deployments.cluster.foundation_values import costs
    from fraudray.deployments.cluster.prices import load_prices

    added = Counter(one.kind for one in proposal.changes if one.action == "Add")
    rows = [("Add", f"{count} × {kind}", "") for kind, count in sorted(added.items())]
    rows += [(one.action, f"{one.name} ({one.kind})", _becomes(one)) for one in proposal.changes if one.action != "Add"]
    parts: list[RenderableType] = [
        plain(f"Stack {proposal.stack.name} in {region}, {'to be made' if proposal.creates else 'is there'}", "bold"),
        listing(("", "What", ""), rows, empty="Nothing is to be changed."),
    ]
    prices = load_prices()
    if found := costs(place.name, prices):
        parts.append(
            plain(
                f"Costs {sum(found.values(), Decimal()):,.2f} USD a day: "
                + ", ".join(f"{what} {usd:,.2f}" for what, usd in found.items())
                + f" (on demand, {prices.as_of}, {prices.region}, for 1,000 transactions/s, "
                "at the sizes that the template has)"
            )
        )
    parts += [
        plain(f"{one.name} is {'removed' if one.action == 'Remove' else 'replaced'}: what is in it may go.", "yellow")
        for one in proposal.loses
    ]
    return Group(*parts)


def _becomes(change: Change) -> str:
    words = ["replaced by another"] if change.replaced else []
    if change.kept:
        words.append("what was stays, outside the stack, or a snapshot of it")
    return "; ".join(words)
