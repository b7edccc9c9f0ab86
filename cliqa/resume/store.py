"""Checkpoints on the disk: whole or not there, the last two kept.

resume/00000012/manifest.json         what there is, and the digest of every file and of itself
resume/00000012/tensors-NNN.safetensors
resume/diverged.json                  where a loss became nan or infinite

A checkpoint is written into a folder of another name, manifest last, and renamed when all of it is
on the disk. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from cliqa.results.files import explained, sync, write_atomic
from cliqa.results.layout import RESUME, TEMPORARY, plain
from cliqa.resume.manifest import FILE, FORMAT, MANIFEST, Damaged, read_manifest, read_values
from cliqa.resume.tensors import Entry, TensorPool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

__all__ = ["Checkpoint", "ResumeStore", "read_checkpoint", "write_checkpoint"]

KEPT: Final = 2
_DIVERGED: Final = "diverged.json"
_NAME: Final = re.compile(r"\d{8}")
#: Bytes of tensors in a file: bounds the copy that is made to write them.
_PART: Final = 64_000_000


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        state: plain JSON values.
        entries: name -> where the tensor is.
        pool: where it is.
    """

    state: dict[str, Any]
    entries: dict[str, Entry]
    pool: TensorPool


@dataclass(frozen=True)
class ResumeStore:
    """The checkpoints of a run.

    Args:
        folder: the run's folder.
    """

    folder: Path

    @property
    def root(self) -> Path:
        """Where they lie."""
        return self.folder / RESUME

    def names(self) -> list[str]:
        """What there is, the newest first."""
        if not self.root.is_dir() or self.root.is_symlink():
            return []
        return sorted(
            (p.name for p in self.root.iterdir() if _NAME.fullmatch(p.name)), reverse=True
        )

    def save(self, checkpoint: Checkpoint) -> int:
        """Write a checkpoint and remove those before the last two; returns its bytes.

        Raises:
            ResultError: the system does not let us, for example because the disk is full. What was
                there before is untouched.
        """
        known = self.names()
        number = int(known[0]) + 1 if known else 1
        staged = self.root / f"{TEMPORARY}{secrets.token_hex(8)}"
        with explained("write", self.root):
            self._sweep(known[:KEPT])
            self.root.mkdir(parents=True, exist_ok=True)
            try:
                staged.mkdir()
                size = write_checkpoint(staged, checkpoint)
                staged.rename(self.root / f"{number:08d}")
            except BaseException:
                shutil.rmtree(staged, ignore_errors=True)
                raise
            sync(self.root)
            self._sweep(self.names()[:KEPT])
        return size

    def _sweep(self, kept: list[str]) -> None:
        """Remove all checkpoints but these, and what a killed process left."""
        if self.root.is_dir():
            for path in self.root.iterdir():
                left = path.name.startswith(TEMPORARY) or _NAME.fullmatch(path.name)
                if left and path.name not in kept:
                    _remove(path)

    def read(self, name: str) -> Checkpoint:
        """Read a checkpoint and check all of it.

        Raises:
            Damaged: it is not as it was written.
        """
        return read_checkpoint(self.root / name)

    def read_state(self) -> dict[str, Any] | None:
        """The plain values of the newest checkpoint whose manifest is whole; tensors unread."""
        for name in self.names():
            try:
                state: dict[str, Any] = read_values(self.root / name)
            except Damaged:
                continue
            return state
        return None

    def note_divergence(self, text: str) -> None:
        """Remember that a loss was not finite, which it would be again."""
        content = json.dumps({"message": text}, ensure_ascii=False).encode()
        write_atomic(self.root / _DIVERGED, lambda file: file.write(content))

    def divergence(self) -> str | None:
        """What `note_divergence` was told."""
        try:
            return str(json.loads((self.root / _DIVERGED).read_bytes())["message"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def clear(self) -> None:
        """Remove all checkpoints, and nothing that is not cliqa's."""
        if not self.root.is_dir() or self.root.is_symlink():
            return
        with explained("clear", self.root):
            self._sweep([])
            for path in self.root.iterdir():
                if path.name == _DIVERGED:
                    path.unlink()
            if not any(self.root.iterdir()):
                self.root.rmdir()


def read_checkpoint(folder: Path) -> Checkpoint:
    """What `write_checkpoint` wrote, all of it checked.

    Raises:
        Damaged: it is not as it was written.
    """
    try:
        manifest = read_manifest(folder / MANIFEST)
        pool = TensorPool()
        found = {
            pool.hold(tensor)
            for file, digest in manifest["files"].items()
            for tensor in _read_part(folder, file, digest).values()
        }
        entries = {n: Entry(d, tuple(s), p) for n, (d, s, p) in manifest["tensors"].items()}
        state = dict(manifest["state"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
    missing = sum(entry.digest not in found for entry in entries.values())
    if missing:
        raise Damaged(f"{missing} of its tensors are not what was written")
    return Checkpoint(state, entries, pool)


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> int:
    """Write tensors and values into an empty folder, manifest last, all on the disk; the bytes."""
    files, size = {}, 0
    for number, part in enumerate(_parts(checkpoint.pool.contents(checkpoint.entries.values()))):
        name = f"tensors-{number:03d}.safetensors"
        content = save_tensors(part)
        files[name] = hashlib.sha256(content).hexdigest()
        size += _put(folder / name, content)
    manifest = {
        "format": FORMAT,
        "state": plain(checkpoint.state),
        "files": files,
        "tensors": {n: [e.digest, list(e.stride), e.device] for n, e in checkpoint.entries.items()},
    }
    text = json.dumps(manifest, ensure_ascii=False, allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    size += _put(folder / MANIFEST, f"{digest}\n{text}\n".encode())
    sync(folder)
    return size


def _parts(contents: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    part: dict[str, Tensor] = {}
    size = 0
    for digest, content in contents.items():
        if part and size + content.nbytes > _PART:
            yield part
            part, size = {}, 0
        part[digest] = content
        size += content.nbytes
    if part:
        yield part


def _put(path: Path, content: bytes) -> int:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return len(content)


def _read_part(folder: Path, name: str, digest: str) -> dict[str, Tensor]:
    if not FILE.fullmatch(name):
        raise Damaged(f"it names a file {name!r}")
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise Damaged(f"{name} was changed after it was written")
    found: dict[str, Tensor] = load_tensors(content)
    return found


def _remove(path: Path) -> None:
    """Remove a checkpoint, its manifest first: what is left of it is none."""
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    (path / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)
