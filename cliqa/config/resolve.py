"""From what a user named to a run that can start: read, override, validate, look up.

Every mistake found is reported in one `ConfigError`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from cliqa.config.extends import extend
from cliqa.config.faults import Fault, KeyPath, dotted, raise_faults
from cliqa.config.models import Ref, RunConfig, default_at
from cliqa.config.overrides import apply_overrides
from cliqa.config.resolved import Resolved, ResolvedConfig
from cliqa.config.roles import LABEL_PATTERN, ROLES, Role, as_mapping
from cliqa.config.source import find_source, local_plugins, split_files
from cliqa.config.translate import Subject, faults_of
from cliqa.config.yaml_source import read_yaml
from cliqa.errors import ConfigError, PluginError, UnknownComponentError
from cliqa.registry.causes import cause_of
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cliqa.config.overrides import Override
    from cliqa.config.source import RegistryFactory, Source
    from cliqa.config.yaml_source import Document
    from cliqa.registry import Registered, Registry

__all__ = ["Resolver", "load_config", "refuse_grid", "resolve_document"]


def load_config(
    source: str | Path, *, overrides: Sequence[str] = (), registry_factory: RegistryFactory
) -> ResolvedConfig:
    """Read a configuration and look up everything that it names.

    Args:
        source: a .yaml or .yml file, or the name of a shipped recipe. What has a suffix or a path
            separator, or exists as a file, is a path.
        overrides: `KEY.PATH=VALUE` each, as given to `--set`.
        registry_factory: makes the registry from the local plugin files that the configuration
            names; called with an empty list to find a recipe.

    Raises:
        ConfigError: every mistake in the configuration, with file, line and column.
        PluginError: the registry itself cannot be built.
    """
    found = find_source(source, registry_factory)
    document = read_yaml(found.path, found.shown)
    refuse_grid(document)
    return resolve_document(document, found, overrides, registry_factory)


def resolve_document(
    document: Document,
    found: Source,
    overrides: Sequence[str | Override],
    registry_factory: RegistryFactory,
) -> ResolvedConfig:
    """`load_config` of a configuration that has been read.

    Args:
        document: the configuration as written; not changed.
        found: where it comes from.
        overrides: as for `apply_overrides`.
        registry_factory: as for `load_config`.
    """
    written, known = extend(document, found, registry_factory)
    document = apply_overrides(written, overrides)
    files, plugin_faults = local_plugins(document, found.folder)
    split_faults = split_files(document, found.folder)
    run, faults = _validate_run(document)
    faults += plugin_faults
    if any(fault.path[:1] == ("plugins",) for fault in faults):
        # Without its plugins nearly every name would be unknown: say only what is certain.
        raise_faults(faults, found.shown)
    registry = registry_factory(files) if files or not known else known
    resolver = Resolver(document, registry)
    components = {role.key: resolver.resolve_role(role) for role in ROLES}
    resolver.refuse_equal_labels()
    faults += resolver.faults
    if run and not faults:
        faults += _order_faults(document, run, components["tasks"])
        faults += split_faults or _split_faults(document, run, components["tasks"])
    raise_faults(faults, found.shown)
    assert run is not None  # noqa: S101 (without a run there are faults)
    chosen = {r.key: tuple(components[r.key]) if r.many else components[r.key][0] for r in ROLES}
    return ResolvedConfig(run, found.name, registry, tuple(files), found.folder, **chosen)  # type: ignore[arg-type]


def refuse_grid(document: Document) -> None:
    """Raise `ConfigError` if this is the file of a sweep."""
    if "grid" in document.data:
        place = document.key_place(("grid",))
        raise ConfigError(f"{place}: this is a grid of runs, not one run; use `cliqa sweep`")


def _validate_run(document: Document) -> tuple[RunConfig | None, list[Fault]]:
    try:
        return RunConfig.model_validate(document.data), []
    except ValidationError as error:
        return None, faults_of(error, Subject(RunConfig, document.data, document))


class Resolver:
    """Looks components up and gathers what is wrong with them."""

    def __init__(self, document: Document, registry: Registry) -> None:
        self.document = document
        self.registry = registry
        self.faults: list[Fault] = []
        self.labels: list[tuple[Role, KeyPath, str]] = []

    def resolve_role(self, role: Role) -> list[Resolved]:
        """The components of one role, without those that have a fault."""
        written = _written(self.document.data, role)
        resolved = [self.resolve(role, path, reference) for path, reference in written]
        return [component for component in resolved if component is not None]

    def refuse_equal_labels(self) -> None:
        """Note labels that two components of one group share; files may ignore upper case."""
        first: dict[tuple[str, str], KeyPath] = {}
        for role, path, label in self.labels:
            other = first.setdefault((role.group, label.casefold()), path)
            if other != path:
                text = f"the label `{label}` is taken by `{dotted(other)}`"
                text += "; give one of the two its own with `as:`"
                place = self.document.value_place((*path, "name"))
                self.faults.append(Fault(place, path, text))

    def resolve(self, role: Role, path: KeyPath, written: Any) -> Resolved | None:
        """The component that is written at a path; None, and faults, if it has any."""
        try:
            ref = Ref.model_validate(as_mapping(written))
        except ValidationError:
            return None  # reported by the shape of the run
        name_place = self.document.value_place((*path, "name"))
        try:
            registered = self.registry.get(role.kind, ref.name)
            model = registered.config_model()
        except (UnknownComponentError, PluginError) as error:
            self.faults.append(Fault(name_place, path, str(error)))
            return None
        label = self._label(path, ref)
        self.labels.append((role, path, label))
        valid, config = self._settings(path, ref, registered, model)
        return Resolved(role.kind, label, registered, config) if valid else None

    def _label(self, path: KeyPath, ref: Ref) -> str:
        label = ref.name if ref.label is None else ref.label
        if not re.fullmatch(LABEL_PATTERN, label):
            rule = "1 to 64 of A-Z a-z 0-9 . _ - and not start with ."
            text = f"the label `{label}` names files, so it must be {rule}"
            if ref.label is None:
                text += "; write the component as a mapping and give it a label with `as:`"
            key = "name" if ref.label is None else "as"
            self.faults.append(Fault(self.document.value_place((*path, key)), path, text))
        return label

    def _settings(
        self, path: KeyPath, ref: Ref, registered: Registered, model: type[BaseModel] | None
    ) -> tuple[bool, BaseModel | None]:
        if model is None:
            for key in ref.settings:
                here = (*path, key)
                place = self.document.key_place(here)
                self.faults.append(Fault(place, here, f"unknown key; `{ref.name}` has no settings"))
            return not ref.settings, None
        data = dict(ref.settings)
        if "name" in model.model_fields:
            data["name"] = registered.name
        try:
            return True, model.model_validate(data)
        except ValidationError as error:
            subject = Subject(model, data, self.document, path, also_known=("as",))
            self.faults += faults_of(error, subject)
        except Exception as error:  # a plugin's own validator may raise anything
            cause = cause_of(error, registered.owner.module)
            text = f"{registered} is defective: its settings model failed: {cause}"
            self.faults.append(Fault(self.document.value_place(path), path, text))
        return False, None


def _written(data: dict[str, Any], role: Role) -> Iterable[tuple[KeyPath, Any]]:
    """Path and value of each reference of a role, from the defaults where nothing is written."""
    holder: Any = data
    for key in role.path[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(holder, dict):
        return []
    value = holder.get(role.key, default_at(role.path))
    if role.many:
        items = value if isinstance(value, list) else []
        return [((*role.path, i), item) for i, item in enumerate(items)]
    return [] if value is None else [(role.path, value)]


def _order_faults(document: Document, run: RunConfig, tasks: list[Resolved]) -> list[Fault]:
    from cliqa.data.stream import arrange, check_order  # here: it loads what decodes images

    order, named = run.stream.order, run.stream.orders
    try:
        if run.stream.per == "dataset":
            arrange([task.label for task in tasks], order, named)
        else:
            check_order(order, named)  # the tasks' names are known once the data is
    except ConfigError as error:
        key, _, text = str(error).partition(": ")
        path = tuple(key.split(".", 2))
        return [Fault(document.value_place(path), path, text)]
    return []


def _split_faults(document: Document, run: RunConfig, tasks: list[Resolved]) -> list[Fault]:
    """Divisions for tasks that there are not."""
    files = run.stream.split.files
    if not isinstance(files, dict):
        return []
    labels = [task.label for task in tasks]
    faults = []
    for label in files:
        if label not in labels:
            path = ("stream", "split", "files", label)
            text = f"there is no task `{label}`.{did_you_mean(label, labels)} "
            text += f"The tasks are {', '.join(labels)}"
            faults.append(Fault(document.key_place(path), path, text))
    return faults
