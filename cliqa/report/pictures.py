"""Thumbnails of test images: bundles hold none, so the datasets are opened again.

Nothing in a bundle is trusted to be code: the datasets are looked up among the plugins that the
user has loaded, and a local plugin file that the run's configuration names is not read.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from cliqa.errors import CliqaError, ResultError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cliqa.config import Resolved
    from cliqa.data import RatedDataset
    from cliqa.registry import Registry
    from cliqa.report.runs import Run

    Sample = tuple[str, str]

#: Longer side of a thumbnail in pixels.
SIDE = 160
_QUALITY = 78


def thumbnails(
    registry: Registry,
) -> Callable[[Run, Sequence[Sample]], tuple[dict[Sample, str], str]]:
    """A function that gives data URIs for (task, sample id) pairs, and why it gives fewer.

    Args:
        registry: where datasets are looked up.
    """

    def find(run: Run, samples: Sequence[Sample]) -> tuple[dict[Sample, str], str]:
        try:
            resolved = run_datasets(run, registry)
        except CliqaError as error:
            return {}, _short(error)
        found: dict[Sample, str] = {}
        reasons: list[str] = []
        for task in dict.fromkeys(task for task, _ in samples):
            wanted = [sample for name, sample in samples if name == task]
            try:
                pixels = _pictures(resolved, run, task, wanted)
                found |= {(task, sample): uri for sample, uri in pixels.items()}
            except CliqaError as error:
                reasons.append(_short(error))
            except Exception as error:  # a dataset's defect must not cost the report
                reasons.append(f"{task}: {type(error).__name__}: {error}".splitlines()[0])
        return found, "; ".join(dict.fromkeys(reasons))

    return find


def _short(error: CliqaError) -> str:
    return str(error).splitlines()[0]


def run_datasets(run: Run, registry: Registry) -> dict[str, Resolved]:
    """The datasets of a run's configuration, by task; no code that a bundle names is read.

    Raises:
        CliqaError: the configuration cannot be read with these plugins.
    """
    from cliqa.config import load_config

    def known(files: Sequence[Path]) -> Registry:
        if files:
            raise ResultError("the run names a plugin file, and a report runs no code of a bundle")
        return registry

    config = load_config(run.bundle.folder / "config.yaml", registry_factory=known)
    return {resolved.label: resolved for resolved in (*config.tasks, *config.evaluate_only)}


def _pictures(
    resolved: dict[str, Resolved], run: Run, task: str, samples: Sequence[str]
) -> dict[str, str]:
    from cliqa.data import ImageReader

    dataset = open_dataset(resolved, run, task)
    rows = {sample: row for row, sample in enumerate(dataset.table["sample_id"][:])}
    reader = ImageReader(dataset)
    return {sample: data_uri(reader.read(rows[sample])) for sample in samples}


def open_dataset(resolved: dict[str, Resolved], run: Run, task: str) -> RatedDataset:
    """The dataset of a task, with the images that the run has seen.

    Raises:
        CliqaError: it is not on this machine, or other than it was.
    """
    from cliqa.data.table import fingerprint

    if task not in resolved:
        raise ResultError(f"the configuration has no dataset for {task}")
    dataset: RatedDataset = resolved[task].create()
    if fingerprint(dataset) != run.record["data"][task]["fingerprint"]:
        raise ResultError(f"{task}: the images here are not those of the run")
    return dataset


def data_uri(pixels: object) -> str:
    """A small JPEG of (H, W, 3) uint8 pixels as a data URI."""
    from PIL import Image

    image = Image.fromarray(pixels)  # type: ignore[arg-type]
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
