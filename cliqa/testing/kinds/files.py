"""Checks of components that are files: recipes, presets, prepared weights, published results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliqa.testing.checks import Check, api, behaviour, fail, require
from cliqa.testing.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.config.yaml_source import Document
    from cliqa.testing.subject import Subject


def checks(kind: str) -> Iterator[Check]:
    """The checks, in the order in which they are made."""
    yield api(file_is_there)
    if kind == "recipe":
        yield behaviour(recipe_resolves)
    elif kind == "preset":
        yield behaviour(preset_resolves)
    elif kind == "weights":
        yield behaviour(weights_tell_how_they_were_made)
    elif kind == "published":
        yield behaviour(published_file_keeps_the_format)


def file_is_there(subject: Subject) -> None:
    """The file is inside the package, and not empty."""
    file = subject.once("file", subject.registered.file)
    require(
        file.read_bytes().strip(),
        f"{file} is empty; is it listed among the files of your wheel?",
    )


def _document(subject: Subject) -> Document:
    from cliqa.config.yaml_source import read_yaml

    file = subject.blocked("file-is-there", lambda: subject.once("file", subject.registered.file))
    return read_yaml(file, str(file))


def recipe_resolves(subject: Subject) -> None:
    """Every key is known, every component exists, and its settings are valid, in every cell."""
    from cliqa.config import load_config
    from cliqa.sweep import plan_sweep

    load: Any = plan_sweep if "grid" in _document(subject).data else load_config
    load(subject.registered.name, registry_factory=lambda _: subject.registry)


def preset_resolves(subject: Subject) -> None:
    """What it says is valid, and every component that it names exists."""
    from pydantic import ValidationError

    from cliqa.config.extends import extend
    from cliqa.config.models import RunConfig
    from cliqa.config.resolve import Resolver
    from cliqa.config.roles import ROLES
    from cliqa.config.source import Source

    file = _document(subject)
    source = Source(
        subject.registered.file(), file.origin, subject.registered.name, Path(), subject.registry
    )
    document, _ = extend(file, source, lambda _: subject.registry)
    try:
        RunConfig.model_validate(document.data)
    except ValidationError as error:
        # What a preset leaves out is written by those that extend it.
        faults = [f for f in error.errors() if f["type"] != "missing"]
        if faults:
            lines = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults]
            fail(f"{'; '.join(lines)} (in {file.origin}, or in what it extends)")
    resolver = Resolver(document, subject.registry)
    for role in ROLES:
        resolver.resolve_role(role)
    require(not resolver.faults, "; ".join(map(str, resolver.faults)))


def weights_tell_how_they_were_made(subject: Subject) -> None:
    """They are a file of `cliqa pretrain`, with the job and the backbone that they belong to."""
    from cliqa.model import load_artefact

    tensors, about = load_artefact(str(subject.registered.file()))
    missing = [key for key in ("job", "backbone") if not about.get(key)]
    require(
        not missing,
        f"its record says nothing of {listed(missing)}; write it with `cliqa pretrain`",
    )
    wrong = [
        name for name, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()
    ]
    require(tensors and not wrong, f"{listed(wrong)} holds values that are not finite")


def published_file_keeps_the_format(subject: Subject) -> None:
    """It is a file of the format of published results, and its numbers are possible."""
    from pydantic import ValidationError

    from cliqa.report.published import Published

    try:
        Published.model_validate_json(subject.registered.file().read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        fail(f"{place}: {first['msg']} (see docs/reference/published.md)")
