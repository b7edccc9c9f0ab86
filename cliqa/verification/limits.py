"""How large anything in a bundle may be. Generous for honest ones, bearable for a machine."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bounds on what is read of a stranger's bundle.

    The largest honest one known has six sets, six steps, five gates and 7,616 test images: about
    230,000 predictions in 0.3 MB, 1 MB of JSON and six ResNet-18 of 45 MB.

    Attributes:
        files: files in the bundle, those of `compare/` included.
        total: bytes of all files, unpacked.
        json: bytes of a JSON file.
        log: bytes of `train_log.jsonl`.
        config: bytes of `config.yaml`.
        table: bytes of a parquet file.
        rows: rows of a parquet file.
        row_groups: row groups of a parquet file.
        text: characters of a name or an id.
        weights: bytes of a safetensors file.
        header: bytes of its header.
        depth: nesting of JSON.
        tasks: test sets of a run.
        ratio: unpacked to packed bytes of a file in a zip that is larger than 1 MB.
    """

    files: int = 2_000
    total: int = 8 * 10**9
    json: int = 32 * 10**6
    log: int = 64 * 10**6
    config: int = 10**6
    table: int = 256 * 10**6
    rows: int = 10_000_000
    row_groups: int = 1_000
    text: int = 400
    weights: int = 4 * 10**9
    header: int = 16 * 10**6
    depth: int = 32
    tasks: int = 200
    ratio: int = 200

    def of(self, name: str) -> int:
        """Bytes that a file of that name may have."""
        kinds = {
            ".json": self.json,
            ".jsonl": self.log,
            ".yaml": self.config,
            ".parquet": self.table,
            ".safetensors": self.weights,
        }
        ending = "." + name.rpartition(".")[2]
        return kinds.get(ending, self.json)
