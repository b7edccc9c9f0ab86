"""The record by which a plugin announces one thing it offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

    from cliqa.registry.facts import DatasetFacts

#: Kind -> (plural used in hook names and on the command line, what one is).
KINDS: Final[dict[str, tuple[str, str]]] = {
    "backbone": ("backbones", "a network that turns images into a feature"),
    "strategy": ("strategies", "what is shared, what belongs to a task, how a task is learned"),
    "objective": ("objectives", "head type and learning target"),
    "gate": ("gates", "how heads are weighted at test time"),
    "dataset": ("datasets", "a rated image set"),
    "metric": ("metrics", "a summary of a run's predictions"),
    "tracker": ("trackers", "a program that shows and keeps what happens in a run"),
    "pretraining": ("pretrainings", "a job that prepares weights before a run"),
    "recipe": ("recipes", "a shipped configuration, found by name"),
    "preset": ("presets", "a part of a configuration that others extend"),
    "weights": ("weights", "prepared weights in a shipped file, found by name"),
    "published": ("published", "results printed in a paper, shown beside one's own"),
}

#: Kinds whose components are files that a plugin ships, and how their names end.
FILES: Final[dict[str, tuple[str, ...]]] = {
    "recipe": (".yaml", ".yml"),
    "preset": (".yaml", ".yml"),
    "weights": (".safetensors",),
    "published": (".json",),
}


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """How `cliqa check` and `cliqa.testing` look at a component.

    Attributes:
        settings: with which it is checked: what makes it small enough to learn in a second, or what
            it has no default for.
        members: of a family, the members that are checked; default: none of them.
        expected_failures: check -> why it is known to fail. A check that passes nevertheless counts
            as failed, so that the entry goes when the fault does.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    expected_failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Component:
    """One named thing that a plugin offers; frozen, and cheap to make.

    Attributes:
        name: the name users write, for example `tsn-iqa`. Unique within its kind.
        factory: `"module:attribute"` (imported when first used, so that listing stays fast) or a
            callable. It is called with one argument, the validated config. For the kinds in
            `FILES`, such as recipes: `"package:path/inside/the/package.yaml"`.
        config: the pydantic model that validates the component's config, as a class or as
            `"module:attribute"`; None: the component has no settings.
        summary: one line for listings.
        reference: paper or address that defines it.
        members: for a family of components such as "any timm model": `"module:attribute"` of a
            function `members() -> list[str]`. A family answers to every member's name; its config
            model then receives the member's name in the field `name`.
        facts: of a dataset, what `cliqa data list` tells of it: a `cliqa.DatasetFacts`, or
            `"module:attribute"` of one, in a module that is cheap to import.
        checks: how `cliqa check` looks at it; None: with its default settings.
    """

    name: str
    factory: str | Callable[..., Any]
    config: type[BaseModel] | str | None = None
    summary: str = ""
    reference: str = ""
    members: str | Callable[[], list[str]] | None = None
    facts: DatasetFacts | str | None = None
    checks: CheckOptions | None = field(default=None, hash=False)
