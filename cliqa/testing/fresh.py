"""What can only be seen in a process that has done nothing else yet.

`python -m cliqa.testing.fresh` reads a question from standard input and writes the answer, both
JSON, to standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cliqa.registry import PluginRecord
    from cliqa.registry.discovery import Candidate

__all__ = ["HEAVY", "ask"]

#: Packages that listing a plugin must not load: each takes longer than all the rest.
HEAVY: Final = (
    "torch", "torchvision", "timm", "datasets", "sklearn", "skimage", "scipy", "matplotlib",
    "pandas", "pyarrow", "transformers", "tensorflow", "jax", "cv2",
)  # fmt: skip


def ask(question: str, owner: PluginRecord, **about: Any) -> Any:
    """Let another process answer a question about a plugin.

    Args:
        question: `imports`: which heavy packages importing the plugin loads, and from which lines;
            `dataset`: what building a dataset gives.
        owner: the plugin.
        about: what else the question needs, as JSON values.

    Raises:
        RuntimeError: the other process failed; its last line says how.
    """
    file = None if owner.file is None else str(owner.file)
    asked = {"question": question, "module": owner.module, "file": file, **about}
    done = subprocess.run(
        [sys.executable, "-m", "cliqa.testing.fresh"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "20211", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise RuntimeError(f"in a fresh process: {lines[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def _candidate(asked: dict[str, Any]) -> Candidate:
    from importlib import import_module

    from cliqa.registry import PluginRecord
    from cliqa.registry.discovery import Candidate
    from cliqa.registry.local import local_candidate

    if asked["file"] is not None:
        return local_candidate(Path(asked["file"]))
    module = asked["module"]
    return Candidate(PluginRecord(name=module, module=module), lambda: import_module(module))


class _Watch:
    """A finder that finds nothing, and remembers who asked for a heavy package first."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        top = name.partition(".")[0]
        if top in HEAVY and top not in self.lines:
            frame, lines = sys._getframe(1), []
            while frame is not None:
                file = frame.f_code.co_filename
                if not file.startswith("<frozen"):
                    lines.append(f"{file}:{frame.f_lineno}")
                frame = frame.f_back  # type: ignore[assignment]
            self.lines[top] = lines


def _imports(asked: dict[str, Any]) -> dict[str, list[str]]:
    from cliqa.registry.loading import Loader

    watch = _Watch()
    sys.meta_path.insert(0, watch)
    loader = Loader()
    loader.load(_candidate(asked))
    for registered in loader.registered:
        registered.config_model() if registered.component.config else None
    return {name: lines for name, lines in watch.lines.items() if name in sys.modules}


def _dataset(asked: dict[str, Any]) -> dict[str, Any]:
    from cliqa.data.table import fingerprint
    from cliqa.registry.loading import Loader

    loader = Loader()
    loader.load(_candidate(asked))
    for registered in loader.registered:
        if (registered.kind, registered.component.name) == ("dataset", asked["name"]):
            model = registered.config_model()
            config = None if model is None else model.model_validate(asked["settings"])
            dataset = registered.create(config)
            return {
                "ids": list(dataset.table["sample_id"][:]),
                "fingerprint": fingerprint(dataset),
            }
    raise LookupError(asked["name"])


def main() -> None:
    """Answer the question on standard input."""
    asked = json.load(sys.stdin)
    answer = {"imports": _imports, "dataset": _dataset}[asked["question"]](asked)
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
