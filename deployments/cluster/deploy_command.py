"""`fraudray cluster deploy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import say
from fraudray.cli.session import Json, Session
from fraudray.domain.errors import Refused

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.deployments.cluster.deploying import Plan
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.manifests import Manifest
    from fraudray.deployments.cluster.places import Place
    from fraudray.deployments.cluster.waiting import Patience

Context = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig.", show_default="the current one")
]
Overlay = Annotated[
    str, typer.Argument(metavar="OVERLAY", help="Its name, as p4d-efa, or folder, as kuberay/overlays/p4d-efa.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
WaitS = Annotated[
    float, typer.Option("--wait-s", min=0, max=14_400, help="How long is waited until RayServices are ready; 0: not.")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Then delete what earlier deployments applied and this one does not have.")
]
WAIT_S = 3600.0
"""The model's own limit to start is an hour."""


def deploy(
    ctx: typer.Context, overlay: Overlay, yes: Yes = False, wait_s: WaitS = WAIT_S, prune: Prune = False,
    context: Context = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Apply an overlay: rendered, checked, tried on the API server, shown with what it costs, then asked for.

    Nothing is changed where the checks find something, or where the server would refuse an object. Applied is on the
    server (field manager `fraudray`; kubectl is needed for rendering alone), in the order in which objects need each
    other; what others changed in fields that the overlay sets is put back. Then it waits for the RayServices. Run
    again, it does what is left to do, and nothing where all is as it should be.
    """
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.places import find_place
    from fraudray.deployments.cluster.waiting import Patience

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    place = find_place(overlay)
    deployment = Deployment.prepared(session, Kube.connect(context), place)
    deployment.ask(yes=yes)
    deployment.carry_out(Patience(wait_s), prune=prune)


@dataclass(frozen=True)
class Deployment:
    """An overlay on a cluster, tried and shown, not yet applied. `upgrade` and `rollback` end in one too."""

    session: Session
    kube: Kube
    overlay: str
    manifests: tuple[Manifest, ...]
    plan: Plan

    @classmethod
    def prepared(cls, session: Session, kube: Kube, place: Place) -> Deployment:
        """Render, check and try it; shows what would be done. Ends with code 1 for findings.

        Raises Refused where the server would refuse an object; nothing has been changed then.
        """
        from fraudray.deployments.cluster.checking import checked
        from fraudray.deployments.cluster.deploying import plan

        manifests = checked(session, place)
        found = plan(kube, manifests)
        if not session.as_json:
            session.out.print(plan_view(found, place.name, kube.cluster))
        if count := found.count("refused"):
            if session.as_json:
                session.show(found.document())
            raise Refused(
                f"the API server refuses {count} of {len(found.steps)} objects, as shown; nothing was changed"
            )
        return cls(session, kube, place.name, tuple(manifests), found)

    def ask(self, *, yes: bool) -> None:
        """Whether to go on; nobody is asked where there is nothing to do."""
        from fraudray.deployments.cluster.asking import may

        if self.plan.to_do:
            may(f"Apply this to {self.kube.cluster}?", yes=yes, shown=not self.session.as_json)

    def carry_out(self, patience: Patience, *, prune: bool = False) -> None:
        """Apply, wait, prune, and say what to do next. Raises NotTaken, NotInTime."""
        from fraudray.deployments.cluster.deploying import carry_out
        from fraudray.deployments.cluster.readiness import not_ready
        from fraudray.deployments.cluster.removing import REMOVAL, remove
        from fraudray.deployments.cluster.spending import spending
        from fraudray.deployments.cluster.waiting import telling

        services = [manifest for manifest in self.manifests if manifest.kind == "RayService"]
        with telling() as tell:
            applied = sum(1 for _ in carry_out(self.kube, self.plan.to_do, REMOVAL, tell))
            if patience.limit_s:
                patience.wait(lambda: not_ready(self.kube, services), tell)
            if prune:
                remove(self.kube, self.plan.left_over, REMOVAL, tell)
        left = not_ready(self.kube, services)
        if self.session.as_json:
            costs = spending(self.overlay)
            ends = {"applied": applied, "pruned": len(self.plan.left_over) if prune else 0, "ready": left is None}
            self.session.show(self.plan.document() | ends | {"costs": costs.document() if costs else None})
        elif left is None:
            say(f"{applied} objects applied; every RayService is ready or suspended.")
            say("Next: fraudray cluster smoke-test --url https://YOUR-API-HOST")
        else:
            say(f"{applied} objects applied. Not ready yet: {left}. `fraudray cluster status` shows how far it is.")


def plan_view(plan: Plan, overlay: str, cluster: str) -> RenderableType:
    """What would be done, in numbers and by object, and what it costs."""
    from rich.console import Group

    from fraudray.cli.tables import listing, plain
    from fraudray.deployments.cluster.deploying import STATES
    from fraudray.deployments.cluster.spending import costs_of

    counts = ", ".join(f"{plan.count(state)} {state}" for state in STATES if plan.count(state))
    left = [str(manifest) for manifest in plan.left_over]
    rows = [(step.state, str(step.manifest), step.why) for step in plan.to_do]
    parts: list[RenderableType] = [
        plain(f"{overlay} on {cluster}: {counts}; {len(left)} left over from before", "bold"),
        listing(("", "Object", "What changes, or why not"), rows, empty="Nothing is to be applied."),
        *(plain(f"{step.manifest} was switched off (scale --to-zero); this switches it on again.", "yellow")
          for step in plan.steps if step.wakes),
        *(plain(f"Left over (--prune deletes it): {name}", "dim") for name in left),
        *(plain(f"Not seen: {words}", "yellow") for words in plan.unseen),
    ]  # fmt: skip
    if any(step.state == "changed" and step.manifest.kind == "RayService" for step in plan.steps):
        parts.append(
            plain("KubeRay starts a second cluster beside one whose pods change; both are paid for until then.")
        )
    parts.extend(plain(sentence) for sentence in costs_of(overlay))
    return Group(*parts)
