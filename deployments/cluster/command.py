"""`fraudray cluster`: manifests rendered and checked, clusters made, deployed to, told, changed and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fraudray.cli.exits import ExitCode, InputError
from fraudray.cli.session import Json, Session, examples, new_app
from fraudray.deployments.cluster.clean_up_command import clean_up
from fraudray.deployments.cluster.cost_command import cost
from fraudray.deployments.cluster.create_command import create
from fraudray.deployments.cluster.deploy_command import deploy
from fraudray.deployments.cluster.foundation_command import foundation
from fraudray.deployments.cluster.smoke_command import smoke_test
from fraudray.deployments.cluster.upgrade_command import rollback, upgrade

app = new_app(help="KubeRay on EKS: make a cluster, deploy, upgrade, check, tell its state and cost, remove it.")
app.command()(cost)
app.command(
    epilog=examples(
        "fraudray cluster foundation p4d-efa",
        "fraudray cluster foundation cpu-only --set DatabaseClass=db.m7g.large --set DatabaseGb=100",
    )
)(foundation)
app.command(
    epilog=examples(
        "fraudray cluster create p4d-efa",
        "fraudray cluster create kuberay/eksctl/cpu-only --yes",
    )
)(create)
app.command(
    epilog=examples(
        "fraudray cluster deploy p4d-efa",
        "fraudray cluster deploy kuberay/overlays/cpu-only --yes --wait-s 1200",
        "fraudray cluster deploy p4d-single --prune",
    )
)(deploy)
app.command(
    "smoke-test",
    epilog=examples(
        "FRAUDRAY_API_KEY=frk_… fraudray cluster smoke-test --url https://api.fraud.example.internal",
        "fraudray cluster smoke-test --url http://127.0.0.1:8000 --page-url http://127.0.0.1:7860 --json",
    ),
)(smoke_test)
app.command(
    epilog=examples(
        "fraudray cluster upgrade p4d-efa --image serve=111122223333.dkr.ecr.us-east-1.amazonaws.com/fraudray/"
        "serve@sha256:…",
        "fraudray cluster upgrade p4d-efa --image serve=… --image page=… --snapshot fraudray-db --yes",
    )
)(upgrade)
app.command(epilog=examples("fraudray cluster rollback p4d-efa"))(rollback)
app.command(
    "clean-up",
    epilog=examples(
        "fraudray cluster clean-up p4d-efa --application",
        "fraudray cluster clean-up p4d-efa --everything --name fraudray",
    ),
)(clean_up)

NAMESPACES = ("fraudray", "fraudray-llm")
"""Those of the overlays: what decides, and the model."""
_MODEL_NAMESPACE = "fraudray-llm"

Context = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig.", show_default="the current one")
]
Folder = Annotated[
    Path, typer.Argument(metavar="OVERLAY", help="Its folder, as kuberay/overlays/p4d-efa.", file_okay=False)
]


@app.command(
    epilog=examples(
        "fraudray cluster render kuberay/overlays/p4d-efa --nodes kuberay/eksctl/p4d-efa",
        "fraudray cluster render kuberay/overlays/cpu-only --out rendered",
    )
)
def render(
    ctx: typer.Context,
    overlay: Folder,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write one file an object into this folder.", file_okay=False)
    ] = None,
    nodes: Annotated[
        Path | None,
        typer.Option("--nodes", help="eksctl file, or kustomization of one: do the pods fit its nodes?", exists=True),
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option("--beside", help="An overlay that is applied too, whose objects may be referred to.", exists=True),
    ] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Check what is rendered.")] = True,
    as_json: Json = False,
) -> None:
    """Render an overlay with kustomize and check it without a cluster; YAML goes to standard output.

    Checked are the schemas of Kubernetes, KubeRay and the other operators, and rules: security, references, GPU
    arithmetic, what fits which instance type, draining, exposure. With findings nothing is printed but them, code 1.
    """
    from fraudray.deployments.cluster.checking import stop_at_findings
    from fraudray.deployments.cluster.output import write_files, yaml_of
    from fraudray.deployments.cluster.rendering import parse
    from fraudray.deployments.cluster.rendering import render as rendered

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    manifests = rendered(overlay)
    if check:
        others = [manifest for folder in beside or [] for manifest in rendered(folder)]
        if nodes is not None:
            others += rendered(nodes) if nodes.is_dir() else parse(nodes.read_text("utf-8"), source=str(nodes))
        stop_at_findings(session, manifests, others, overlay)
    if out is not None:
        count = write_files(manifests, out)
        session.show({"written": count, "folder": str(out)}, f"Wrote {count} files to {out}.")
    elif as_json:
        session.show([manifest.document for manifest in manifests])
    else:
        typer.echo(yaml_of(manifests), nl=False)


@app.command("check", epilog=examples("fraudray cluster check --overlay kuberay/overlays/p4d-efa"))
def check_(
    ctx: typer.Context,
    overlay: Annotated[
        Path | None,
        typer.Option("--overlay", help="What is to be applied.", show_default="what all need", file_okay=False),
    ] = None,
    context: Context = None,
    as_json: Json = False,
) -> None:
    """Look whether a live cluster has what an overlay needs; code 1 where something needed is missing."""
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.prerequisites import prerequisites
    from fraudray.deployments.cluster.rendering import render as rendered
    from fraudray.deployments.cluster.views import prerequisites_view

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    lines = prerequisites(Kube.connect(context), rendered(overlay) if overlay else [])
    session.show([line.document() for line in lines], prerequisites_view(lines))
    if any(line.verdict == "missing" for line in lines):
        raise typer.Exit(ExitCode.FOUND)


@app.command(epilog=examples("fraudray cluster status", "fraudray cluster status --namespace fraudray-llm"))
def status(
    ctx: typer.Context,
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", help="Namespaces to look at.", show_default=", ".join(NAMESPACES)),
    ] = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="All of them.")] = False,
    context: Context = None,
    as_json: Json = False,
) -> None:
    """Tell how RayServices, RayClusters and RayJobs are, and why pods are not ready; code 1 where one is not well."""
    from fraudray.deployments.cluster.health import health
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.views import health_view

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    found = health(Kube.connect(context), [None] if everywhere else list(namespace or NAMESPACES))
    session.show(found.document(), health_view(found))
    if not found.well:
        raise typer.Exit(ExitCode.FOUND)


@app.command(
    epilog=examples(
        "fraudray cluster scale --to-zero",
        "fraudray cluster scale --up --yes",
        "fraudray cluster scale --gpu-workers 2",
    )
)
def scale(
    ctx: typer.Context,
    gpu_workers: Annotated[int | None, typer.Option("--gpu-workers", min=0, max=1000, help="Pods with GPUs.")] = None,
    zero: Annotated[bool, typer.Option("--to-zero", help="Off: no GPU is paid for.")] = False,
    up: Annotated[bool, typer.Option("--up", help="On again, as before it was switched off.")] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="One RayService or RayCluster.", show_default="all with GPUs")
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", "-n", help="Its namespace.", show_default=f"the context's, else {_MODEL_NAMESPACE}"
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    context: Context = None,
    as_json: Json = False,
) -> None:
    """Switch the model's GPUs off and on; while they are off, the policy decides alone, and every decision says so.

    A RayService that serves models alone is suspended; otherwise the workers with GPUs go to 0. Nodes follow when the
    cluster's autoscaler finds them empty. Doing it twice does nothing more.
    """
    from fraudray.deployments.cluster import scaling
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.views import changes_view

    if [gpu_workers is not None, zero, up].count(True) != 1:
        raise InputError("say one of --gpu-workers N, --to-zero and --up")
    session = Session.of(ctx, as_json=as_json, data_dir=None)
    kube = Kube.connect(context)
    changes = []
    for manifest in scaling.with_gpus(kube, namespace or kube.namespace or _MODEL_NAMESPACE, name):
        if gpu_workers is not None:
            changes.append(scaling.to_workers(manifest, gpu_workers))
        else:
            changes.append(scaling.to_zero(manifest) if zero else scaling.up(manifest))
    wanted = [change for change in changes if change.patch is not None]
    if wanted and not yes:
        session.out.print(changes_view(changes, off=zero or gpu_workers == 0, done=False))
        typer.confirm("Do this?", abort=True)
    for change in wanted:
        scaling.apply(kube, change)
    document = [{"object": str(change.manifest), "changes": list(change.words)} for change in changes]
    session.show(document, changes_view(changes, off=zero or gpu_workers == 0, done=True))
