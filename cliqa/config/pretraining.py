"""Settings that every job of `cliqa pretrain` has."""

from __future__ import annotations

from pydantic import Field

from cliqa.config.base import ComponentConfig

__all__ = ["PretrainingConfig"]


class PretrainingConfig(ComponentConfig):
    """The base class of a job's settings; the command needs these to start any job."""

    seed: int = Field(default=0, ge=0, lt=2**31, description="root of every random number")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps")
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads of the network; default: torch's own choice"
    )
    batch_size: int = Field(default=32, ge=2, description="images a step")
