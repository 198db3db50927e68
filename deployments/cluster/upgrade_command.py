"""`fraudray cluster upgrade` and `rollback`: other images in the site's values, deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import InputError, say
from fraudray.cli.session import Json, Session
from fraudray.deployments.cluster.deploy_command import WAIT_S, Context, Deployment, Overlay, WaitS, Yes

if TYPE_CHECKING:
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.places import Place

SNAPSHOT_S = 3600.0


def upgrade(
    ctx: typer.Context, overlay: Overlay,
    image: Annotated[
        list[str], typer.Option("--image", metavar="NAME=IMAGE", help="serve, llm, page or valkey; more than once.")
    ],
    snapshot: Annotated[
        str | None,
        typer.Option("--snapshot", metavar="DB_INSTANCE", help="First take a snapshot of this RDS instance."),
    ] = None,
    yes: Yes = False, wait_s: WaitS = WAIT_S, context: Context = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Put other images into site/site.env and deploy; what ran before is kept in the cluster, for `rollback`.

    The lines that change are shown, then what the deployment would do, then it is asked for. For a no, or where the
    API server would refuse something, site.env is as it was. KubeRay starts a second cluster beside the first; the
    gateway's waits about two seconds to take over. CHANGELOG.md says which versions migrate the database: take a
    snapshot then. Interrupted, the same command goes on.
    """
    from fraudray.deployments.cluster.images import Change, asked, decider, note, noted, running
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.places import find_place
    from fraudray.deployments.cluster.rendering import render
    from fraudray.deployments.cluster.site_values import site_values

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    place = find_place(overlay)
    site = site_values(place.site)
    wanted = asked(image, site)
    kube, manifests = Kube.connect(context), render(place.overlay)
    service = decider(manifests, site)
    now, last = running(kube, manifests, site), noted(kube, service)
    change = Change({key: now[key] for key in wanted if key in now}, wanted)

    def before_it() -> None:
        if snapshot is not None:
            _snapshot(site, snapshot)
        # The same upgrade, after it was interrupted, has another "before" by now: some of it runs already.
        goes_on = last is not None and last.after == change.after and last.is_under_way(now)
        if not goes_on and change.before != change.after:
            note(kube, service, change)

    _with_images(session, kube, place, wanted, before_it, yes=yes, wait_s=wait_s)


def rollback(
    ctx: typer.Context, overlay: Overlay, yes: Yes = False, wait_s: WaitS = WAIT_S, context: Context = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Put back the images that ran before the last `upgrade`, and deploy. Done twice, it does nothing more.

    An older version refuses a database that a newer one has migrated: restore the snapshot first where one ran in
    between (CHANGELOG.md says which versions do).
    """
    from fraudray.deployments.cluster.images import decider, noted
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.places import find_place
    from fraudray.deployments.cluster.rendering import render
    from fraudray.deployments.cluster.site_values import site_values

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    place, kube = find_place(overlay), Kube.connect(context)
    service = decider(render(place.overlay), site_values(place.site))
    last = noted(kube, service)
    if last is None or not last.before:
        raise InputError(f"{service} has no upgrade noted that could be rolled back; name images: upgrade --image …")
    say("Where the database was migrated in between, restore its snapshot first: an older version refuses a newer one.")
    _with_images(session, kube, place, last.before, lambda: None, yes=yes, wait_s=wait_s)


def _with_images(
    session: Session, kube: Kube, place: Place, images: Mapping[str, str], before_it: Callable[[], None], *, yes: bool,
    wait_s: float,
) -> None:  # fmt: skip
    """Deploy with these images in the site's values. They are as they were where nothing was applied."""
    from fraudray.deployments.cluster.site_values import changed_lines, put_values, site_values
    from fraudray.deployments.cluster.waiting import Patience

    lines = changed_lines(place.site, images)
    for before, after in lines:
        say(f"- {before}")
        say(f"+ {after}")
    as_it_was = {key: value for key, value in site_values(place.site).items() if key in images}
    put_values(place.site, images)
    try:
        deployment = Deployment.prepared(session, kube, place)
        deployment.ask(yes=yes)
        if deployment.plan.to_do:
            before_it()
    except BaseException:  # a finding, a refusal, a no, Ctrl-C: nothing was applied
        put_values(place.site, as_it_was)
        raise
    if lines:
        say(f"{place.site} has the new lines; commit it.")
    deployment.carry_out(Patience(wait_s))


def _snapshot(site: Mapping[str, str], instance: str) -> None:
    from fraudray.deployments.cluster.account import Account
    from fraudray.deployments.cluster.snapshots import take_snapshot
    from fraudray.deployments.cluster.waiting import Patience, telling

    with telling() as tell:
        name = take_snapshot(
            Account(site.get("AWS_REGION", "")), instance, datetime.now(UTC), Patience(SNAPSHOT_S), tell
        )
    say(f"Snapshot {name} is taken; it costs until it is deleted: aws rds delete-db-snapshot")
