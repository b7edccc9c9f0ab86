"""`cliqa store`: stages that were trained once and are kept for other runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cliqa.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from cliqa.stages import StageStore
    from cliqa.stages.upkeep import Listed

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "list": ("cliqa.cli.store:list_stages", "List the stages that are kept"),
    "gc": ("cliqa.cli.store:collect", "Remove those that are no longer needed"),
    "verify": ("cliqa.cli.store:verify", "Read all of them, and name what is damaged"),
}
#: Characters of an address that tell it from all others in any store of a reasonable size.
_SHORT: Final = 12

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.group(cls=LazyGroup, lazy=COMMANDS)
def store() -> None:
    """Look at, clean up or check a store of trained stages.

    DIR is what `--store` was given, or the folder of a sweep, whose store lies in `stages/`. No
    result depends on a store: whatever is missing is trained again.
    """


@click.command("list")
@_folder
@click.option("--check", is_flag=True, help="Read every file and say whether it is intact.")
def list_stages(folder: Path, check: bool) -> None:
    """List the stages in DIR, the one used last first."""
    from cliqa.cli.tables import print_table
    from cliqa.stages.upkeep import listed

    place = _open(folder)
    entries, now = listed(place, check=check), time.time()
    headers: tuple[str, ...] = ("address", "method", "tasks", "parent", "seed", "MB", "used")
    rows = [_row(entry, now) for entry in entries]
    if check or any(entry.fault for entry in entries):
        headers = (*headers, "state")
        rows = [(*row, e.fault or "intact") for row, e in zip(rows, entries, strict=True)]
    if rows:
        print_table(headers, rows)
    total = sum(entry.size for entry in entries)
    click.echo(f"{_count(len(entries))}, {total / 1e9:.2f} GB in {place.root}")


def _row(entry: Listed, now: float) -> tuple[str, ...]:
    return (
        entry.address[:_SHORT],
        entry.about("method"),
        entry.about("tasks"),
        entry.parent[:_SHORT],
        entry.about("seed"),
        f"{entry.size / 1e6:.1f}",
        _age(now - entry.used),
    )


@click.command("gc")
@_folder
@click.option(
    "--unused-for",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Only those that no run has taken or written for so many days.",
)
@click.option(
    "--keep-for",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Folder of finished runs or sweeps whose stages stay, whatever else is asked for; without "
    "--max-gb all others go. May be given several times.",
)
@click.option(
    "--max-gb",
    type=click.FloatRange(min=0),
    metavar="GB",
    help="And then the longest unused, until no more than this is left.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
def collect(
    folder: Path,
    unused_for: float | None,
    keep_for: tuple[Path, ...],
    max_gb: float | None,
    dry_run: bool,
) -> None:
    """Remove stages from DIR: those that the options name, and damaged ones.

    A stage that a run is training or taking at this moment stays, too. A run that is unfinished
    trains again what it still needs.
    """
    from cliqa.stages.upkeep import listed, referenced, remove, to_remove

    if unused_for is None and not keep_for and max_gb is None:
        raise click.UsageError("say what may go: --unused-for, --keep-for or --max-gb")
    place = _open(folder)
    gone = to_remove(
        listed(place),
        kept=referenced(keep_for),
        unused_days=unused_for,
        # With a limit of size alone, what no run names goes only as far as the limit asks.
        unreferenced=bool(keep_for) and max_gb is None,
        max_bytes=None if max_gb is None else round(max_gb * 1e9),
    )
    done = remove(place, gone, dry_run=dry_run)
    entries = {entry.address: entry for entry in gone}
    would = "would remove" if dry_run else "removed"
    for address in done.gone:
        entry = entries[address]
        why = f" (damaged: {entry.fault})" if entry.fault else ""
        click.echo(
            f"{would} {address[:_SHORT]} {entry.about('method')} {entry.about('tasks')}{why}"
        )
    for address in done.in_use:
        click.echo(f"in use, stays: {address[:_SHORT]}")
    left = f" and {done.leftovers} unfinished" if done.leftovers else ""
    click.echo(f"{would} {_count(len(done.gone))}{left}, {done.bytes / 1e9:.2f} GB")


@click.command()
@_folder
@click.pass_context
def verify(ctx: click.Context, folder: Path) -> None:
    """Read every file in DIR and compare it with its digest; exit with 1 if any is damaged."""
    from cliqa.stages.upkeep import listed

    place = _open(folder)
    entries = listed(place, check=True)
    damaged = [entry for entry in entries if entry.fault]
    for entry in damaged:
        click.echo(f"damaged: {place.place(entry.address)}: {entry.fault}", err=True)
    whole = len(entries) - len(damaged)
    click.echo(f"{_count(whole)} intact, {len(damaged)} damaged")
    ctx.exit(1 if damaged else 0)


def _open(folder: Path) -> StageStore:
    from cliqa.stages import StageStore
    from cliqa.stages.store import MARKER

    inside = folder / "stages"
    found = StageStore(inside if (inside / MARKER).is_file() else folder)
    found.check_own()
    return found


def _count(number: int) -> str:
    return f"{number} stage{'' if number == 1 else 's'}"


def _age(seconds: float) -> str:
    if seconds < 3600:
        return f"{max(0, round(seconds / 60))} min ago"
    if seconds < 2 * 86_400:
        return f"{round(seconds / 3600)} h ago"
    return f"{round(seconds / 86_400)} days ago"
