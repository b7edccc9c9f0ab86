"""`cliqa pretrain`: prepare weights before a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cliqa.cli.context import local_option, refuse_several_processes, registry

if TYPE_CHECKING:
    from rich.console import Console

    from cliqa.config import ResolvedJob
    from cliqa.pretraining import PretrainingReport


@click.command()
@click.argument("job")
@click.option(
    "--backbone",
    default="efficientnet-lite0",
    show_default=True,
    metavar="NAME",
    help="The network to prepare weights for.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting of the job, for example --set epochs=2, or of the backbone, "
    "--set backbone.weights=FILE; may be given several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write; default: JOB-BACKBONE.safetensors in the current folder.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--quiet", is_flag=True, help="Print the result only, no progress.")
@local_option
@click.pass_context
def pretrain(
    ctx: click.Context,
    job: str,
    backbone: str,
    overrides: tuple[str, ...],
    out: Path | None,
    force: bool,
    quiet: bool,
    local_files: tuple[Path, ...],
) -> None:
    """Run JOB, which prepares weights of a backbone, and write them to one file.

    `cliqa list pretrainings` prints the jobs, `cliqa show pretraining JOB` a job's settings.
    """
    from rich.console import Console

    from cliqa.config import load_job

    refuse_several_processes("pretrain")
    resolved = load_job(
        job, backbone, overrides=overrides, registry=registry(ctx, list(local_files))
    )
    path = out or Path(f"{job}-{resolved.backbone.label}.safetensors")
    console = Console()
    report = _pretrain(resolved, path, force, quiet, console)
    size = report.path.stat().st_size / 1e6
    console.print(
        f"{report.seconds:.0f} s. Result: {report.path} ({size:.2f} MB)",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _pretrain(
    resolved: ResolvedJob, path: Path, force: bool, quiet: bool, console: Console
) -> PretrainingReport:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as for `cliqa run`
    if quiet:
        from cliqa.pretraining import pretrain

        return pretrain(resolved, path, force=force)
    about = f"{resolved.job.name} for {resolved.backbone.name}, seed {resolved.settings.seed}"
    console.print(f"{about}: loading ...", highlight=False, markup=False, soft_wrap=True)
    from cliqa.cli.pretrain_progress import PretrainProgress  # torch takes seconds to load
    from cliqa.pretraining import pretrain

    with PretrainProgress(console) as progress:
        return pretrain(resolved, path, force=force, observer=progress)
