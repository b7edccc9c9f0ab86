"""`cliqa verify`: whether a bundle of a stranger's can be believed, and how far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cliqa.cli.context import let_threads_sleep, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.verification import Verification, Verifier

__all__ = ["data_option", "make_verifier", "places", "verify"]

#: Exit codes: something is wrong; nothing is, but not all that was asked for could be done.
_REJECTED, _INCOMPLETE = 1, 3

data_option = click.option(
    "--data",
    multiple=True,
    metavar="SET=FOLDER",
    help="Where a test set lies on this machine, by its label in the bundle or by its dataset; "
    "may be given several times. Places that a bundle names are never looked at.",
)


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--rescore",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Score N test images again from the bundle's weights.",
)
@click.option(
    "--sample-seed", type=click.IntRange(min=0), help="Which images; default: drawn anew."
)
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def verify(
    ctx: click.Context,
    bundles: tuple[Path, ...],
    rescore: int,
    sample_seed: int | None,
    data: tuple[str, ...],
    as_json: bool,
) -> None:
    """Verify result BUNDLES, each a folder or a zip of one. Nothing in them is run.

    Exit code 0: every metric was recomputed with labels of this machine's (and, with --rescore,
    images were scored again) and all agrees; 1: there are faults, all are listed; 3: no fault,
    but not all of this could be done here; 2: the command was wrong.
    """
    verifier = make_verifier(ctx, data)
    found = [verifier.verify(b, rescore=rescore, sample_seed=sample_seed) for b in bundles]
    if as_json:
        click.echo(json.dumps([one.dump() for one in found], indent=1, allow_nan=False))
    else:
        for one in found:
            _print(one)
    ctx.exit(_exit_code(found, rescore=rescore))


def make_verifier(ctx: click.Context, data: Sequence[str]) -> Verifier:
    """A verifier with the plugins that the global options ask for."""
    let_threads_sleep()
    from cliqa.verification import Verifier

    return Verifier(registry(ctx), places(data))


def places(written: Sequence[str]) -> dict[str, Path]:
    """`SET=FOLDER` -> the folder."""
    found = {}
    for text in written:
        name, sign, folder = text.partition("=")
        if not (sign and name and folder):
            raise click.BadParameter(f"expected SET=FOLDER, got {text!r}", param_hint="--data")
        if not Path(folder).expanduser().exists():
            raise click.BadParameter(f"no such folder: {folder}", param_hint="--data")
        found[name] = Path(folder).expanduser().resolve()
    return found


def _exit_code(found: Sequence[Verification], *, rescore: int) -> int:
    from cliqa.verification import Trust

    if not all(one.accepted for one in found):
        return _REJECTED
    wanted = {Trust.REPRODUCED} if rescore else {Trust.RECOMPUTED, Trust.REPRODUCED}
    every = [v for one in found for v in (one, *one.beside.values())]
    return 0 if all(v.trust in wanted for v in every) else _INCOMPLETE


def _print(found: Verification) -> None:
    from cliqa.verification.verdict import shown

    faults = found.all_faults()
    word = found.trust.value if found.accepted else "rejected"
    count = f", {len(faults)} fault{'s' if len(faults) > 1 else ''}" if faults else ""
    click.echo(f"{shown(found.path)}: {word}{count}")
    for fault in faults:
        click.echo(f"  {fault}")
    for one in (found, *found.beside.values()):
        where = "" if one is found else f"{shown(one.path.rpartition('/')[2])}: "
        for note in one.notes:
            click.echo(f"  note: {where}{shown(note)}")
