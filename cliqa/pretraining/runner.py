"""Running a job and writing its file."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

import cliqa
from cliqa.errors import PluginError, ResultError
from cliqa.model import (
    Compute,
    build_backbone,
    check_fits,
    choose_device,
    digest_of,
    rest_digest,
    save_artefact,
)
from cliqa.pretraining.job import Pretraining, PretrainingContext, PretrainingObserver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa.config import Resolved, ResolvedJob

SUFFIX: Final = ".safetensors"
_LIBRARIES: Final = ("torch", "timm", "numpy", "scipy", "scikit-image", "pillow")


@dataclass(frozen=True)
class PretrainingReport:
    """What a job gave.

    Attributes:
        path: the file.
        record: what the file says about its making.
        seconds: wall time.
    """

    path: Path
    record: Mapping[str, Any]
    seconds: float


def pretrain(
    resolved: ResolvedJob,
    out: Path,
    *,
    force: bool = False,
    observer: PretrainingObserver | None = None,
) -> PretrainingReport:
    """Run a job and write its file; nothing is written unless all of it succeeded.

    Args:
        resolved: job, backbone and settings.
        out: the file to write.
        force: replace the file if it exists.
        observer: told about progress.

    Raises:
        CliqaError: a mistake of the user's, named.
    """
    started = time.perf_counter()
    check_output(out, force=force)
    settings = resolved.settings
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    compute = Compute(device=choose_device(settings.device), batch_size=settings.batch_size)
    job = resolved.job.create()
    if not isinstance(job, Pretraining):
        raise PluginError(
            f"{resolved.job.registered} made a {type(job).__name__}, expected a "
            "cliqa.pretraining.Pretraining"
        )
    backbone = build_backbone(resolved.backbone, compute.device, settings.seed)
    job.check(backbone)
    context = PretrainingContext(
        backbone=backbone,
        compute=compute,
        seed=settings.seed,
        observer=observer or PretrainingObserver(),
    )
    outcome = job.run(context)
    check_fits(outcome.tensors, backbone, out)
    record = {
        "format": 1,
        "job": resolved.job.name,
        "backbone": resolved.backbone.name,
        "backbone_settings": without_paths(_settings_of(resolved.backbone)),
        # What the tensors were trained around: they mean nothing beside other weights.
        "rest_sha256": rest_digest(backbone, outcome.tensors),
        "settings": without_paths(settings.model_dump(mode="json")),
        "seed": settings.seed,
        "plugin": _plugin(resolved.job),
        "environment": _environment(compute),
        **outcome.record,
    }
    save_artefact(out, outcome.tensors, record)
    return PretrainingReport(out, record, time.perf_counter() - started)


def check_output(out: Path, *, force: bool) -> None:
    """Refuse a file that could not be written, or that would be lost, before work is spent on it.

    Raises:
        ResultError: it exists, is no `.safetensors` file, or its folder takes no file.
    """
    if out.suffix != SUFFIX:
        raise ResultError(f"--out {out}: expected a file name that ends in {SUFFIX}")
    if out.is_dir():
        raise ResultError(f"--out {out}: is a folder; name a file in it")
    if out.exists() and not force:
        raise ResultError(f"{out} exists; name another file with --out, or replace it with --force")
    nearest = next(folder for folder in out.absolute().parents if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ResultError(f"--out {out}: no file can be made in {nearest}; name another folder")


def without_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with each path that exists replaced by its last part, a file's with its SHA-256.

    A path says nothing on another machine, and may say more than its owner wants to publish.
    """
    return {key: _without_path(value) for key, value in settings.items()}


def _without_path(value: Any) -> Any:
    if not isinstance(value, str) or not Path(value).exists():
        return value
    path = Path(value).resolve()
    return {"file": path.name, "sha256": digest_of(path)} if path.is_file() else path.name


def _settings_of(resolved: Resolved) -> dict[str, Any]:
    return {key: value for key, value in resolved.dump().items() if key not in {"name", "as"}}


def _plugin(resolved: Resolved) -> dict[str, Any]:
    owner = resolved.registered.owner
    return {
        "name": owner.name,
        "distribution": owner.distribution,
        "version": owner.version,
        "sha256": owner.sha256,
    }


def _environment(compute: Compute) -> dict[str, Any]:
    return {
        "cliqa": cliqa.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "device": compute.device.type,
        "threads": torch.get_num_threads(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
    }
