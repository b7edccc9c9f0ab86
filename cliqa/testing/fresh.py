"""What can only be seen in a process that has done nothing else yet.

`python -m cliqa.testing.fresh` reads a question from standard input and writes the answer, both
JSON, to standard output.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from functools import partial
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import CliqaError, PluginError
from cliqa.testing.checks import fail, skip
from cliqa.testing.elsewhere import CLIENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec

    from cliqa.registry import PluginRecord
    from cliqa.registry.discovery import Candidate
    from cliqa.testing.subject import Subject

__all__ = ["HEAVY", "ask", "ask_about"]

#: Packages that listing a plugin must not load: each takes longer than all the rest.
HEAVY: Final = (
    "torch", "torchvision", "timm", "datasets", "sklearn", "skimage", "scipy", "matplotlib",
    "pandas", "pyarrow", "transformers", "tensorflow", "jax", "cv2", *CLIENTS,
)  # fmt: skip


def ask(question: str, owner: PluginRecord, **about: Any) -> Any:
    """Let another process answer a question about a plugin.

    Args:
        question: `imports`: which heavy packages importing the plugin loads, and from which lines;
            `dataset`: what building a dataset gives; `making`: as `imports`, of making a
            component; `alone`: how a tracker fares without the packages of extras.
        owner: the plugin.
        about: what else the question needs, as JSON values.

    Raises:
        CheckFailedError: the other process failed.
    """
    file = None if owner.file is None else str(owner.file)
    asked = {
        "question": question,
        "module": owner.module,
        "distribution": owner.distribution,
        "file": file,
        **about,
    }
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
        fail(
            f"a process that has just begun cannot make it: {lines[-1]}. Importing "
            f"`{owner.module}` must bring all it needs, whatever was imported or done before"
        )
    return json.loads(done.stdout.splitlines()[-1])


def ask_about(subject: Subject, question: str, **about: Any) -> Any:
    """Let another process answer a question about a component, made there with its settings."""
    if subject.registered.member is not None:
        skip("it is a member of a family")
    config = subject.config()
    settings = {} if config is None else config.model_dump(mode="json", by_alias=True)
    name = subject.registered.component.name
    return ask(question, subject.owner, kind=subject.kind, name=name, settings=settings, **about)


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
        sys.meta_path.insert(0, self)

    def found(self) -> dict[str, list[str]]:
        """Package -> the lines that asked for it, of those that were loaded."""
        return {name: lines for name, lines in self.lines.items() if name in sys.modules}

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
    loader = Loader()
    loader.load(_candidate(asked))
    for registered in loader.registered:
        registered.config_model() if registered.component.config else None
    return watch.found()


def _component(asked: dict[str, Any]) -> Callable[[], Any]:
    """What makes the component that is asked about, from its settings."""
    from cliqa.registry.loading import Loader

    loader = Loader()
    loader.load(_candidate(asked))
    for registered in loader.registered:
        if (registered.kind, registered.component.name) == (asked["kind"], asked["name"]):
            model = registered.config_model()
            config = None if model is None else model.model_validate(asked["settings"])
            return partial(registered.create, config)
    raise LookupError(f"{asked['kind']}:{asked['name']}")


def _dataset(asked: dict[str, Any]) -> dict[str, Any]:
    from cliqa.data.table import fingerprint

    dataset = _component(asked)()
    return {"ids": list(dataset.table["sample_id"][:]), "fingerprint": fingerprint(dataset)}


def _making(asked: dict[str, Any]) -> dict[str, list[str]]:
    make = _component(asked)
    watch = _Watch()
    with suppress(CliqaError):  # its package may be missing; what it says is another question
        make()
    return watch.found()


def _alone(asked: dict[str, Any]) -> dict[str, Any]:
    from cliqa.testing.tracked import LINES, Life

    make = _component(asked)
    finder = sys.meta_path.index(PathFinder)
    sys.meta_path[finder] = _Without(_of_extras(asked["distribution"]))
    life, answer = Life(make, Path(asked["folder"])), {"made": False, "told": ""}
    try:
        make()
    except Exception as error:
        answer["said"] = _said(error)
        known = isinstance(error, CliqaError) and not isinstance(error, PluginError)
        return answer | {"message_for_the_user": known}
    try:
        life.attempt(len(LINES), "finished")
    except Exception as error:
        answer["told"] = _said(error)
    return answer | {"made": True}


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class _Without:
    """A finder of modules for which some packages are not installed."""

    def __init__(self, hidden: set[str]) -> None:
        self.hidden = hidden

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As `PathFinder` does, which it stands in for."""
        if name.partition(".")[0] in self.hidden:
            return None
        return PathFinder.find_spec(name, path, target)


def _of_extras(distribution: str | None) -> set[str]:
    """Packages that neither cliqa nor the plugin's distribution brings without an extra."""
    brought, todo = set(), ["cliqa-bench", *([distribution] if distribution else [])]
    while todo:
        name = _normal(todo.pop())
        if name in brought:
            continue
        brought.add(name)
        with suppress(PackageNotFoundError):
            lines = [line for line in requires(name) or () if "extra ==" not in line]
            todo += lines
    found = packages_distributions()
    return {top for top, names in found.items() if not brought & {_normal(n) for n in names}}


def _normal(requirement: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    name = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0] if name else "").lower()


def main() -> None:
    """Answer the question on standard input."""
    asked = json.load(sys.stdin)
    questions: dict[str, Callable[[dict[str, Any]], Any]] = {
        "imports": _imports,
        "dataset": _dataset,
        "making": _making,
        "alone": _alone,
    }
    answer = questions[asked["question"]](asked)
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
