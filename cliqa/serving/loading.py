"""Opening a trained model, from whichever folder holds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from cliqa.errors import ConfigError, ResultError
from cliqa.hub import cached_only_if_unreachable
from cliqa.model import choose_device
from cliqa.model.compute import DEFAULT_MEMORY
from cliqa.model.precision import choose_precision
from cliqa.registry import Registry
from cliqa.results import FolderState, folder_state
from cliqa.results.files import explained, sha256
from cliqa.results.layout import COMPARE, RUN, SUMS
from cliqa.serving.described import FORMAT, Described
from cliqa.serving.from_run import describe_run, open_tensors
from cliqa.serving.scorer import QualityScorer, View

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from cliqa.model.precision import Precision

__all__ = ["CARD", "CONFIG", "WEIGHTS", "describe", "load", "snapshot"]

CONFIG: Final = "config.json"
WEIGHTS: Final = "model.safetensors"
CARD: Final = "README.md"
_BATCH: Final = 16


def load(
    path: str | PathLike[str],
    *,
    gate: str | None = None,
    device: str = "auto",
    shrink: int | str | None = "as-trained",
    precision: Precision | Literal["auto", "as-trained"] = "as-trained",
    memory_gb: float = DEFAULT_MEMORY / 1e9,
    batch_size: int = _BATCH,
    plugins: Sequence[str | PathLike[str]] = (),
    registry: Registry | None = None,
) -> QualityScorer:
    """Open a trained model.

    Args:
        path: the folder of a finished run, of a method trained beside it (`RUN/compare/LABEL`), or
            one that `cliqa export` wrote.
        gate: label of one of a run's gates; default: the first one that is not told the task.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        shrink: at which size pictures are scored, see `cliqa.data.Resize.parse`; default: as the
            model's test images were.
        precision: `float32`, `bf16`, `auto` (what is fast here) or as the run scored.
        memory_gb: gigabytes that a forward may take; a picture that takes more is made smaller,
            and its score has a note of it.
        batch_size: pictures of equal size a forward, at most.
        plugins: local plugin files that the model's components are in.
        registry: what the plugins offer; default: all that are installed.

    Raises:
        ResultError: there is no model, or it is damaged.
        ConfigError: an argument cannot be used.
        UnknownComponentError: a plugin is missing; says which.
        CapabilityError: the gate has to be told the task.
    """
    known = registry or Registry.discover(local_files=[Path(file) for file in plugins])
    described = describe(Path(path), gate, known)
    place = choose_device(device)
    view = described.about["test_view"]
    if memory_gb <= 0 or batch_size < 1:
        raise ConfigError("memory_gb and batch_size must be positive")
    return QualityScorer(
        described,
        known,
        place,
        View(
            shrink=view["shrink"] if shrink == "as-trained" else _checked(shrink),
            crop=view["crop"] if shrink == "as-trained" else None,
            precision=described.about["precision"]
            if precision == "as-trained"
            else choose_precision(precision, place),
            memory=round(memory_gb * 1e9),
            batch_size=batch_size,
        ),
    )


def describe(folder: Path, gate: str | None, registry: Registry) -> Described:
    """Read the model of a folder of either kind; see `load`."""
    if is_model_folder(folder):
        return _from_folder(folder, gate)
    if not folder.exists():
        raise ResultError(
            f"there is no folder {folder}; expected that of a finished run, or one that `cliqa "
            "export` wrote"
        )
    if not folder.is_dir():
        advice = "unpack it first" if folder.suffix == ".zip" else "name the folder it lies in"
        raise ResultError(f"{folder} is a file, expected the folder of a model; {advice}")
    if folder_state(folder) is not FolderState.FINISHED:
        raise ResultError(_damaged(folder) or _nothing_there(folder))
    return describe_run(folder, gate, registry)


def is_model_folder(folder: Path) -> bool:
    """Whether `cliqa export` wrote it."""
    try:
        about = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("format") == "cliqa-model"


def _from_folder(folder: Path, gate: str | None) -> Described:
    with explained("read", folder / CONFIG):
        about: dict[str, Any] = json.loads((folder / CONFIG).read_bytes())
    version = about.get("format_version")
    if version != FORMAT:
        raise ResultError(
            f"{folder / CONFIG} has format version {version}, this cliqa reads {FORMAT}; use a "
            "newer cliqa"
        )
    wanted = {
        "backbone": dict,
        "objective": dict,
        "gate": dict,
        "heads": list,
        "test_view": dict,
        "source": dict,
        "precision": str,
        "main_head": bool,
    }
    wrong = [key for key, kind in wanted.items() if not isinstance(about.get(key), kind)]
    if wrong:
        raise ResultError(f"{folder / CONFIG} is damaged: `{wrong[0]}` is missing or no such value")
    label = about["gate"].get("label")
    if gate is not None and gate != label:
        raise ConfigError(
            f"{folder} holds gate `{label}` and no other; for `{gate}` export the run again with "
            f"`--gate {gate}`"
        )
    if not (folder / WEIGHTS).is_file():
        raise ResultError(f"{folder} has no {WEIGHTS}; export the run again, or fetch it whole")
    if sha256(folder / WEIGHTS) != about.get("weights_sha256"):
        raise ResultError(
            f"{folder / WEIGHTS} is not the file that {CONFIG} belongs to: its SHA-256 differs; "
            "export the run again, or fetch it whole"
        )
    return Described(about, open_tensors(folder / WEIGHTS)[0], str(folder))


def _damaged(folder: Path) -> str:
    """What is wrong with a folder that once was a model or a run; empty: it never was one."""
    beside = folder.name == COMPARE
    if not beside and folder_state(folder.absolute().parent) is FolderState.FINISHED:
        return f"{folder} is a part of a run; name the folder of the run, {folder.parent}"
    for there, other, advice in (
        (WEIGHTS, CONFIG, "export the run again, or fetch it whole"),
        (SUMS, RUN, "bring it back, or the whole run"),
        (RUN, SUMS, "bring it back, or the whole run"),
    ):
        if (folder / there).is_file() and folder_state(folder) is FolderState.FOREIGN:
            state = "missing"
            if (folder / other).is_file():
                with explained("read", folder / other):
                    (folder / other).read_bytes()
                state = "damaged, or not cliqa's"
            return f"{folder / other} is {state}; {advice}"
    return ""


def _nothing_there(folder: Path) -> str:
    state = folder_state(folder)
    text = f"{folder} holds no model: it is {state.value}"
    if state is FolderState.UNFINISHED:
        return f"{text}; `cliqa run` goes on with it"
    inside = sorted(
        p.parent.relative_to(folder).as_posix() for p in folder.glob("*/*/run.json")
    ) or sorted(p.parent.relative_to(folder).as_posix() for p in folder.glob("*/run.json"))
    if inside:
        return f"{text}; there are runs inside, for example {folder / inside[0]}"
    return f"{text}; expected a finished run, or a folder that `cliqa export` wrote"


def _checked(shrink: int | str | None) -> int | str | None:
    from cliqa.data import Resize

    try:
        found = Resize.parse(shrink)
    except ValueError as error:
        raise ConfigError(f"shrink: {error}; pixels of the short side, a size, or None") from None
    if found.shrink is not None and found.shrink < 1:
        raise ConfigError(f"shrink: expected a positive number of pixels, got {found.shrink}")
    return shrink


def snapshot(repository: str, **options: Any) -> Path:
    """The folder of a model on the Hub, fetched or from the Hub's own cache."""
    from huggingface_hub import snapshot_download

    with cached_only_if_unreachable():
        found = snapshot_download(repository, allow_patterns=[CONFIG, WEIGHTS, CARD], **options)
    return Path(found)
