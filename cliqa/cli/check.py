"""`cliqa check`: does a plugin keep to what cliqa promises of its kind?"""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any, Final

import click

from cliqa.cli.context import let_threads_sleep, local_option, registry
from cliqa.cli.tables import print_table
from cliqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cliqa.testing import CheckResult

_MARKS: Final = {
    "passed": "ok",
    "failed": "FAILED",
    "skipped": "skipped",
    "expected failure": "expected",
}


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        key, equals, rest = value.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"`{value}`: expected NAME=VALUE", ctx=ctx, param=param)
        found[key] = rest
    return found


@click.command
@click.argument("target", required=False)
@click.option(
    "--level", type=click.Choice(["api", "behaviour"]), help="Only checks of form, or of behaviour."
)
@click.option(
    "--only", multiple=True, metavar="CHECK", help="Only this check; may be given several times."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=_pairs,
    metavar="KIND:NAME.KEY=VALUE",
    help="A setting with which a component is checked; may be given several times.",
)
@click.option(
    "--expect",
    multiple=True,
    callback=_pairs,
    metavar="CHECK=REASON",
    help="A check that is known to fail; that it passes then counts as a failure.",
)
@click.option("--all", "everything", is_flag=True, help="Also list what passed or was skipped.")
@click.option("--json", "as_json", is_flag=True, help="Print every result as JSON.")
@click.option("--traceback", "with_traceback", is_flag=True, help="Also print where it crashed.")
@click.option("--list", "listing", is_flag=True, help="Print all checks instead, by kind.")
@local_option
@click.pass_context
def check(
    ctx: click.Context,
    target: str | None,
    listing: bool,
    everything: bool,
    as_json: bool,
    with_traceback: bool,
    **options: Any,
) -> None:
    """Check a plugin: TARGET is its name, a component as KIND:NAME, or a .py file.

    Exits with 0 if no check fails, 1 if one does, 2 if TARGET cannot be checked at all.
    """
    if listing:
        _print_checks()
        return
    if target is None:
        raise click.UsageError("name a plugin, a component as KIND:NAME, or a .py file", ctx)
    results = _results(ctx, target, **options)
    if as_json:
        click.echo(json.dumps([r.dump() for r in results], indent=2, ensure_ascii=False))
    else:
        _print(results, everything=everything, with_traceback=with_traceback)
    if any(r.status == "failed" for r in results):
        ctx.exit(1)


def _results(
    ctx: click.Context,
    target: str,
    *,
    level: Any,
    only: tuple[str, ...],
    settings: dict[str, str],
    expect: dict[str, str],
    local_files: tuple[Path, ...],
) -> list[CheckResult]:
    let_threads_sleep()
    from cliqa.testing import check_plugin

    return check_plugin(
        target,
        level=level,
        only=only,
        settings=_settings(settings),
        expected_failures=expect,
        registry=None if target.endswith(".py") else registry(ctx, local_files),
    )


def _settings(written: dict[str, str]) -> dict[str, dict[str, Any]]:
    """`strategy:ewc.weight=3` -> {"strategy:ewc": {"weight": 3}}; values as YAML has them."""
    import yaml

    found: dict[str, dict[str, Any]] = {}
    for path, value in written.items():
        component, dot, key = path.rpartition(".")
        if not dot or ":" not in component:
            raise ConfigError(
                f"--set {path}={value}: expected KIND:NAME.KEY=VALUE, for example "
                "strategy:ewc.weight=3"
            )
        try:
            found.setdefault(component, {})[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {path}={value}: {error}") from None
    return found


def _print(results: Sequence[CheckResult], *, everything: bool, with_traceback: bool) -> None:
    shown = [r for r in results if everything or r.status in ("failed", "expected failure")]
    alike = _alike(shown)
    if alike:
        rows = [row for same in alike for row in _rows(same)]
        print_table(("", "component", "check", "level", ""), rows)
        click.echo()
    if with_traceback:
        _print_tracebacks(same[0] for same in alike)
    print_table(("component", *_MARKS.values()), _counts(results))
    for component, reason in _not_made(results).items():
        click.echo(f"\n{component} was not checked any further: {reason}")
    if stopped := _not_reached(results):
        click.echo(f"\nnot reached: {stopped}; mend what failed, and check again")
    failed = sum(r.status == "failed" for r in results)
    click.echo(f"\n{failed} of {len(results)} checks failed" if failed else "\nno check failed")


def _alike(results: Iterable[CheckResult]) -> list[list[CheckResult]]:
    """Results that say the same, together: one line of code may break many checks.

    A line that raises may be shared by components; everything else is told for each of them.
    """
    found: dict[object, list[CheckResult]] = {}
    for number, result in enumerate(results):
        raised = result.status == "failed" and result.error is not None
        where = "" if raised else result.component
        key = (result.status, where, result.message) if result.message else number
        found.setdefault(key, []).append(result)
    return list(found.values())


def _rows(alike: Sequence[CheckResult]) -> Iterable[tuple[str, ...]]:
    first, *others = alike
    yield _MARKS[first.status], first.component, first.check, first.level, first.message
    if others:
        names = [
            r.check if r.component == first.component else f"{r.component}/{r.check}"
            for r in others
        ]
        count = f"{len(others)} more check{'s' if len(others) > 1 else ''}"
        yield "", "", count, "", f"the same: {', '.join(names)}"


def _not_made(results: Sequence[CheckResult]) -> dict[str, str]:
    """Component -> why it could not be made or tried, so that most of its checks were skipped."""
    return {
        r.component: r.message
        for r in results
        if r.status == "skipped" and r.message.startswith(("it needs", "it refuses", "it is a fam"))
    }


def _not_reached(results: Sequence[CheckResult]) -> str:
    """How many checks of which components could not be made because others failed."""
    from cliqa.testing.checks import is_not_reached

    stopped = [r.component for r in results if r.status == "skipped" and is_not_reached(r.message)]
    failed = [r.component for r in results if r.status == "failed"]
    counts = {component: stopped.count(component) for component in dict.fromkeys(failed)}
    return ", ".join(f"{count} of {component}" for component, count in counts.items() if count)


def _counts(results: Sequence[CheckResult]) -> Iterable[tuple[str, ...]]:
    for component in dict.fromkeys(r.component for r in results):
        own = [r.status for r in results if r.component == component]
        yield component, *(str(own.count(status)) for status in _MARKS)  # type: ignore[arg-type]


def _print_tracebacks(results: Iterable[CheckResult]) -> None:
    for result in results:
        if result.error is not None:
            click.echo(f"{result.component}/{result.check}:")
            click.echo("".join(traceback.format_exception(result.error)))


def _print_checks() -> None:
    from cliqa.testing import every_check

    for kind, checks in every_check().items():
        click.echo(f"{kind}:")
        print_table(
            ("check", "level", "what must hold"), [(c.name, c.level, c.sentence) for c in checks]
        )
        click.echo()
