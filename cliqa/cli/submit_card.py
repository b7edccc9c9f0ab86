"""`cliqa submit card`: a model card and eval results for the Hugging Face Hub."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cliqa.cli.verify import data_option, make_verifier
from cliqa.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from cliqa.results.card import HubDataset


@click.command("card")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to fill."
)
@click.option("--gate", help="Which row of the run; default: the first gate not told the task.")
@click.option(
    "--hub",
    multiple=True,
    metavar="SET=OWNER/NAME[@REVISION][#TASK]",
    help="The dataset of the Hub that a test set is; may be given several times.",
)
@click.option("--source-url", default="", metavar="URL", help="Where the result can be looked up.")
@click.option("--source-name", default="", metavar="NAME", help="What that is called.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@data_option
@click.pass_context
def card(
    ctx: click.Context,
    run: Path,
    out: Path,
    gate: str | None,
    hub: tuple[str, ...],
    source_url: str,
    source_name: str,
    force: bool,
    data: tuple[str, ...],
) -> None:
    """Write README.md, a model card with the results of RUN, and .eval_results/*.yaml into DIR.

    RUN is verified first, and the numbers are those computed here. Upload the files beside the
    model's weights; nothing is uploaded by this command.
    """
    if source_url and not source_url.startswith(("https://", "http://")):
        raise click.BadParameter("expected an address that begins with https://", ctx=ctx)
    if source_name and not source_url:
        raise click.BadParameter("--source-name needs --source-url", ctx=ctx)
    known = _hub(hub)
    verifier = make_verifier(ctx, data)
    from cliqa.results.card import Result, default_gate, eval_result_files, model_card
    from cliqa.results.files import explained, write_atomic
    from cliqa.verification import StrictBundle

    found = verifier.verify(run)
    if not found.accepted or found.metrics is None:
        told = "\n  ".join(map(str, found.all_faults()))
        raise ResultError(f"{run} was rejected:\n  {told}")
    record = StrictBundle(run).run
    chosen = gate or default_gate(record)
    result = Result(record, found.metrics, chosen, known, source_url, source_name)
    files = {"README.md": model_card(result, found.trust.value), **eval_result_files(result)}
    there = [name for name in files if (out / name).exists()]
    if there and not force:
        raise ResultError(f"{out / there[0]} exists; use --force to replace it, or another --out")
    for name, text in files.items():
        with explained("make", (out / name).parent):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out / name, partial(_fill, text.encode()))
        click.echo(str(out / name))


def _hub(written: Sequence[str]) -> dict[str, HubDataset]:
    from cliqa.results.card import HubDataset

    found = {}
    for text in written:
        name, sign, dataset = text.partition("=")
        if not (sign and name):
            raise click.BadParameter(f"expected SET=OWNER/NAME, got {text!r}", param_hint="--hub")
        found[name] = HubDataset.parse(dataset)
    return found


def _fill(content: bytes, file: BinaryIO) -> None:
    file.write(content)
