"""`cliqa submit`: a run as others can verify it."""

from __future__ import annotations

from pathlib import Path

import click

from cliqa.cli.lazy import LazyGroup
from cliqa.cli.verify import data_option, make_verifier


@click.group(
    cls=LazyGroup,
    lazy={
        "pack": ("cliqa.cli.submit:pack_runs", "Make a bundle of each run, verified"),
        "card": ("cliqa.cli.submit_card:card", "Write a model card for the Hugging Face Hub"),
    },
)
def submit() -> None:
    """Prepare results for a leaderboard or the Hugging Face Hub."""


@click.command("pack")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("submission"),
    show_default=True,
    help="Folder of the bundles.",
)
@click.option(
    "--without-weights",
    is_flag=True,
    help="Leave the weights out, so that a bundle fits a git repository; nobody can then score "
    "images again from it.",
)
@click.option(
    "--alone", is_flag=True, help="Leave out the methods that were trained beside each run."
)
@click.option("--force", is_flag=True, help="Replace bundles that exist.")
@data_option
@click.pass_context
def pack_runs(
    ctx: click.Context,
    runs: tuple[Path, ...],
    out: Path,
    without_weights: bool,
    alone: bool,
    force: bool,
    data: tuple[str, ...],
) -> None:
    """Make a zip of each RUN, a finished result's folder, and verify it as others will.

    Equal runs give equal bytes. A run that would be rejected is not packed.
    """
    verifier = make_verifier(ctx, data)
    from cliqa.verification import pack

    for run in runs:
        path, found = pack(
            run, out, verifier, weights=not without_weights, alone=alone, force=force
        )
        click.echo(f"{path}: {found.trust.value}, {path.stat().st_size / 1e6:.1f} MB")
        for note in found.notes:
            click.echo(f"  note: {note}")
