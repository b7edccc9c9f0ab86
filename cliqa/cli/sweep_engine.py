"""The options that say what runs the cells of a sweep, shared by the commands that run some."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from cliqa.cli.context import PluginOptions
from cliqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliqa.resume import Interrupts
    from cliqa.stages import StageStore
    from cliqa.sweep import Cell, SweepFolder
    from cliqa.sweep.execute import SweepObserver
    from cliqa.sweep.pool import Pool

__all__ = ["Engine", "engine_options"]

_IN_PROCESS: Final = "in-process"
_LOCAL: Final = "local"
_RAY: Final = "ray"


@dataclass(frozen=True)
class Engine:
    """What was said of the executor."""

    executor: str
    workers: int | None
    threads: int | None
    gpus: tuple[str, ...]
    per_gpu: int | None
    ray_address: str | None
    retries: int
    fail_fast: bool
    quiet: bool

    @property
    def in_process(self) -> bool:
        """Whether the cells are run in this process."""
        return self.executor == _IN_PROCESS

    def check(self) -> None:
        """Refuse options that say nothing of this executor; before anything is done."""
        known = {_IN_PROCESS: (), _LOCAL: ("workers", "threads", "gpus", "per_gpu")}.get(
            self.executor, ("workers", "threads", "per_gpu", "ray_address")
        )
        for name in ("workers", "threads", "gpus", "per_gpu", "ray_address"):
            if getattr(self, name) and name not in known:
                others = " or ".join(
                    f"`--executor {e}`"
                    for e, names in (
                        (_LOCAL, {"workers", "threads", "gpus", "per_gpu"}),
                        (_RAY, {"workers", "threads", "per_gpu", "ray_address"}),
                    )
                    if name in names
                )
                option = f"--{name.replace('_', '-')}"
                raise ConfigError(f"{option} is an option of {others}, not of {self.executor}")
        if self.executor == _LOCAL:
            from cliqa.sweep.local import slots

            slots(self.workers, self.gpus, self.per_gpu)
        if self.executor == _RAY:
            from cliqa.sweep.on_ray import find_ray

            find_ray()

    def pool(
        self,
        ctx: click.Context,
        cells: Sequence[Cell],
        folder: SweepFolder,
        observer: SweepObserver | None,
        interrupts: Interrupts,
        store: StageStore | None,
    ) -> Pool:
        """What runs the cells."""
        if self.in_process:
            from cliqa.sweep.in_process import InProcess

            return InProcess(cells, folder, observer, interrupts, store)
        plugins = ctx.find_object(PluginOptions) or PluginOptions()
        if self.executor == _LOCAL:
            from cliqa.sweep.local import Local, slots

            return Local(
                folder,
                slots(self.workers, self.gpus, self.per_gpu),
                self.threads,
                third_party=plugins.third_party,
                strict=plugins.strict,
            )
        from cliqa.sweep.on_ray import OnRay

        return OnRay(
            folder,
            self.ray_address,
            self.workers,
            self.threads or 1,
            1 / self.per_gpu if self.per_gpu else 0.0,
            third_party=plugins.third_party,
            strict=plugins.strict,
        )


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(part.strip() for part in (value or "").split(",") if part.strip())
    if value is not None and not names:
        raise click.BadParameter("expected numbers with commas between them, as in 0,1", ctx, param)
    return names


_OPTIONS: Final = (
    click.option(
        "--executor",
        type=click.Choice([_IN_PROCESS, _LOCAL, _RAY]),
        help="What runs them: this process, one after the other; processes on this machine; or "
        "Ray, on this or many. Default: what the other options ask for, else in-process.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1),
        metavar="N",
        help="How many at a time (local: default 2; ray: as many as there are resources for).",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        help="CPU threads of each run that says nothing itself (local: default cores / workers; "
        "ray: default 1, and what is asked for).",
    ),
    click.option(
        "--gpus",
        metavar="ID,ID",
        callback=_names,
        help="local: the GPUs to use, as CUDA_VISIBLE_DEVICES names them; a worker each.",
    ),
    click.option(
        "--per-gpu",
        type=click.IntRange(1),
        metavar="N",
        help="How many share a GPU (local: default 1; ray: default no GPU is asked for).",
    ),
    click.option(
        "--ray-address",
        metavar="ADDRESS",
        help="ray: a cluster that is there, as in auto or 10.0.0.1:6379; default: one of our own.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0),
        default=2,
        show_default=True,
        help="How often one is tried again after a failure of the machine.",
    ),
    click.option("--fail-fast", is_flag=True, help="Begin no other after the first that fails."),
    click.option("--quiet", is_flag=True, help="Print the result only, no progress."),
)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options, as one argument `engine`."""

    @wraps(command)
    def with_engine(
        *args: Any,
        executor: str | None,
        workers: int | None,
        threads: int | None,
        gpus: tuple[str, ...],
        per_gpu: int | None,
        ray_address: str | None,
        retries: int,
        fail_fast: bool,
        quiet: bool,
        **others: Any,
    ) -> Any:
        asked = _RAY if ray_address else _LOCAL if workers or gpus or per_gpu else _IN_PROCESS
        chosen = executor or asked
        engine = Engine(
            chosen, workers, threads, gpus, per_gpu, ray_address, retries, fail_fast, quiet
        )
        engine.check()
        return command(*args, engine=engine, **others)

    for option in reversed(_OPTIONS):
        with_engine = option(with_engine)
    return with_engine
