"""`cliqa export`: a model in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import click

from cliqa.cli.context import let_threads_sleep, local_option, registry
from cliqa.errors import CapabilityError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder; made if it is absent.",
)
@click.option("--gate", metavar="LABEL", help="One of the run's gates; default: its first.")
@click.option(
    "--onnx", is_flag=True, help="Also write model.onnx (`pip install cliqa-bench[onnx]`)."
)
@click.option(
    "--onnx-size",
    metavar="HxW",
    help="Only pictures of this height and width; default: any size.",
)
@click.option("--force", is_flag=True, help="Replace a model that is there; its card is kept.")
@local_option
@click.pass_context
def export(
    ctx: click.Context,
    run: Path,
    out: Path,
    gate: str | None,
    onnx: bool,
    onnx_size: str | None,
    force: bool,
    local_files: tuple[Path, ...],
) -> None:
    """Write the model of RUN to a folder that scores without the run.

    It holds model.safetensors, config.json and README.md, a card whose licence is yours to choose.
    `cliqa score DIR` and `cliqa.load(DIR)` take it.
    """
    let_threads_sleep()
    from cliqa.serving.exporting import check_target, export_model

    if onnx or onnx_size:
        from cliqa.serving.onnx_graph import check_can_export, parse_size

        check_can_export()
        size = parse_size(onnx_size)
    check_target(out, force=force)
    scorer = export_model(run, out, gate=gate, force=force, registry=registry(ctx, local_files))
    total = sum(file.stat().st_size for file in out.iterdir() if file.is_file())
    click.echo(
        f"{scorer.about['source']['method']}, gate {scorer.gate}: {out} ({total / 1e6:.1f} MB)"
    )
    click.echo(f"Read {out / 'README.md'}, and put a licence into it before you share the folder.")
    if onnx or onnx_size:
        from cliqa.serving.onnx_graph import export_onnx

        try:
            click.echo(export_onnx(scorer, out / "model.onnx", size=size))
        except CapabilityError as error:
            raise CapabilityError(
                f"{error}. {out} holds the model without it; the same command with --force tries "
                "again"
            ) from error
