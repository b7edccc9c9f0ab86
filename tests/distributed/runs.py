"""Started by the tests on several processes: whole runs, one after the other in one program."""

import json
import sys
from pathlib import Path

import torch

from cliqa.config import load_config
from cliqa.distributed import launched
from cliqa.registry import Registry
from cliqa.run import BuiltDatasets, method, run

torch.set_num_threads(1)


def noted(folder: Path):
    """`check_in_step`, which also leaves what this process was asked about in a file."""
    compare = method.check_in_step

    def check(digests, when):
        words = list(digests)
        with (folder / f"digests-{launched().rank}.jsonl").open("a") as file:
            file.write(json.dumps([when, words]) + "\n")
        compare(words, when)

    return check


def main(folder: Path) -> None:
    """Run every `NAME.yaml` of the folder into `NAME` there."""
    method.check_in_step = noted(folder)
    built = BuiltDatasets()
    for path in sorted(folder.glob("*.yaml")):
        config = load_config(
            path, registry_factory=lambda files: Registry.discover(local_files=files)
        )
        # Only the name that process 0 gives counts.
        out = folder / path.stem if launched().rank == 0 else Path("nowhere")
        run(config, out, datasets=built)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
