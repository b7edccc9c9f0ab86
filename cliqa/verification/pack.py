"""Making a bundle that others can verify: one zip a run, the same bytes each time."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Final

from cliqa.errors import ResultError
from cliqa.results.files import write_atomic
from cliqa.results.layout import COMPARE, SUMS
from cliqa.verification.files import UnreadableError, open_files
from cliqa.verification.strict import read_sums
from cliqa.verification.verdict import Faults

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from cliqa.verification.files import Files
    from cliqa.verification.limits import Limits
    from cliqa.verification.verdict import Verification
    from cliqa.verification.verify import Verifier

__all__ = ["pack"]

#: Large, and nothing that compresses.
_DENSE: Final = (".safetensors",)
_CHECKPOINTS: Final = "checkpoints/"


def pack(
    run: Path,
    out: Path,
    verifier: Verifier,
    *,
    weights: bool = True,
    alone: bool = False,
    force: bool = False,
) -> tuple[Path, Verification]:
    """Write a run's bundle as a zip and verify it as a stranger would.

    The run's own files go into it, those that `SHA256SUMS` lists, with the runs in `compare/`;
    nothing else that lies in the folder.

    Args:
        run: the folder of a finished run.
        out: folder of the zip; made if need be.
        verifier: what verifies it.
        weights: False: leave `checkpoints/` out, so that it fits a git repository; then nobody can
            score images again from it.
        alone: leave out the methods that were trained beside it.
        force: replace a zip of that name.

    Returns:
        The zip, named by method, order, seed and run id, and what was found.

    Raises:
        ResultError: it is no finished run, its zip would be rejected, or there is one already.
    """
    out.mkdir(parents=True, exist_ok=True)
    draft = out / f".cliqa-tmp-pack-{run.resolve().name}.zip"
    try:
        _write(run, draft, verifier.limits, weights=weights, alone=alone)
        found = verifier.verify(draft)
        if not found.accepted or found.identity is None:
            told = "\n  ".join(map(str, found.all_faults()))
            raise ResultError(f"{run} cannot be submitted, it would be rejected:\n  {told}")
        who = found.identity
        target = out / f"{who.method}-{who.order}-seed{who.seed}-{who.run_id}.zip"
        if target.exists() and not force:
            raise ResultError(f"{target} exists; use --force to replace it, or another --out")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target, found


def _write(run: Path, target: Path, limits: Limits, *, weights: bool, alone: bool) -> None:
    faults = Faults()
    with open_files(run, limits, faults) as files:
        if SUMS not in files:
            raise ResultError(f"{run} holds no finished run; let `cliqa run` finish it")
        parts = {"": files}
        if not alone:
            parts |= {f"{COMPARE}/{label}/": other for label, other in files.beside().items()}
        try:
            write_atomic(target, lambda file: _fill(file, parts, weights=weights))
        except UnreadableError as error:
            raise ResultError(f"{run}: {error}") from None
        except zipfile.LargeZipFile:
            raise ResultError(
                f"{run} is larger than a zip of 4 GB; leave its weights out by --without-weights"
            ) from None


def _fill(file: BinaryIO, parts: dict[str, Files], *, weights: bool) -> None:
    with zipfile.ZipFile(file, "w", allowZip64=False) as archive:
        for prefix, files in parts.items():
            if SUMS not in files:
                continue
            sums = read_sums(files.read(SUMS), Faults())
            kept = {n: d for n, d in sums.items() if weights or not n.startswith(_CHECKPOINTS)}
            text = "".join(f"{digest}  {name}\n" for name, digest in kept.items())
            _add(archive, prefix + SUMS, text.encode())
            for name in sorted(kept):
                if name in files:
                    _add(archive, prefix + name, files.read(name))


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(_DENSE) else zipfile.ZIP_DEFLATED
    entry.create_system, entry.external_attr = 3, 0o100644 << 16
    archive.writestr(entry, content, compresslevel=9)
