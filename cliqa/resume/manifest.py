"""The manifest of a checkpoint: what there is, and the digest of every file and of itself.

Reading it needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "FORMAT", "MANIFEST", "Damaged", "check_files", "read_manifest", "read_values"]

#: Version of the layout. Another version's checkpoints are not read: the run starts over.
FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
FILE: Final = re.compile(r"tensors-\d{3}\.safetensors")


class Damaged(Exception):  # noqa: N818 - never shown by its name
    """A checkpoint cannot be used; the text says why."""


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest that is as it was written; `Damaged` if it is not, or of another version."""
    try:
        digest, text = path.read_text("utf-8").rstrip("\n").split("\n")
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            raise Damaged(f"{path.name} was changed after it was written")
        manifest: dict[str, Any] = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise Damaged(f"{path.name} cannot be read ({type(error).__name__}: {error})") from error
    if not isinstance(manifest, dict):
        raise Damaged(f"{path.name} holds no mapping")
    if manifest.get("format") != FORMAT:
        raise Damaged(f"it has format {manifest.get('format')}, this cliqa reads {FORMAT}")
    return manifest


def read_values(folder: Path) -> dict[str, Any]:
    """The plain values of what `write_checkpoint` wrote; tensors unread.

    Raises:
        Damaged: the manifest is not as it was written.
    """
    try:
        return dict(read_manifest(folder / MANIFEST)["state"])
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error


def check_files(folder: Path) -> None:
    """Compare every file with its digest.

    Raises:
        Damaged: one is missing, or not as it was written.
    """
    manifest = read_manifest(folder / MANIFEST)
    try:
        for name, digest in dict(manifest["files"]).items():
            if not FILE.fullmatch(name):
                raise Damaged(f"it names a file {name!r}")
            with (folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise Damaged(f"{name} was changed after it was written")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
