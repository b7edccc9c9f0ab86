"""From what a user wrote behind `cliqa pretrain` to a job that can start.

The keys of `--set` are the job's own settings, and `backbone` with the backbone's. Every mistake
found is reported in one `ConfigError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cliqa.config.faults import Fault, KeyPath, Place, raise_faults
from cliqa.config.overrides import apply_overrides
from cliqa.config.pretraining import PretrainingConfig
from cliqa.config.resolve import Resolver
from cliqa.config.resolved import Resolved
from cliqa.config.roles import ROLES
from cliqa.config.translate import Subject, faults_of
from cliqa.config.yaml_source import Document, Spot
from cliqa.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.registry import Registered, Registry

__all__ = ["ResolvedJob", "load_job"]

_BACKBONE = next(role for role in ROLES if role.kind == "backbone")


@dataclass(frozen=True)
class ResolvedJob:
    """A job with its names looked up and its defaults filled in.

    Attributes:
        job: the job.
        backbone: the network that it prepares weights for.
        settings: the job's validated settings.
    """

    job: Resolved
    backbone: Resolved
    settings: PretrainingConfig


def load_job(
    name: str, backbone: str, *, overrides: Sequence[str] = (), registry: Registry
) -> ResolvedJob:
    """Look up a job and a backbone, and validate the settings of both.

    Args:
        name: the job's name.
        backbone: the backbone's name.
        overrides: `KEY=VALUE` each, as given to `--set`.
        registry: what the plugins offer.

    Raises:
        ConfigError: every mistake in the settings.
        UnknownComponentError: there is no such job.
        PluginError: the job's plugin is broken.
    """
    registered = registry.get("pretraining", name)
    model = _settings_model(registered)
    document = apply_overrides(_document(name, backbone), overrides)
    settings = {key: value for key, value in document.data.items() if key != _BACKBONE.key}
    faults: list[Fault] = []
    config: PretrainingConfig | None = None
    try:
        config = model.model_validate(settings)
    except ValidationError as error:
        subject = Subject(model, settings, document, also_known=(_BACKBONE.key,))
        faults += faults_of(error, subject)
    resolver = Resolver(document, registry)
    found = resolver.resolve_role(_BACKBONE)
    raise_faults([*faults, *resolver.faults], f"cliqa pretrain {name}")
    assert config is not None  # noqa: S101 (without settings there are faults)
    return ResolvedJob(Resolved("pretraining", name, registered, config), found[0], config)


def _document(name: str, backbone: str) -> Document:
    """The command's arguments in the form in which a configuration is read."""
    command = Place(f"cliqa pretrain {name}")
    option = Place(f"--backbone {backbone}")
    data: dict[str, Any] = {_BACKBONE.key: {"name": backbone}}
    spots: dict[KeyPath, Spot] = {
        (): Spot(command, command),
        (_BACKBONE.key,): Spot(option, option),
    }
    return Document(data, spots, command.origin)


def _settings_model(registered: Registered) -> type[PretrainingConfig]:
    model = registered.config_model()
    if model is None or not issubclass(model, PretrainingConfig):
        raise PluginError(
            f"{registered} cannot be used: its config model is {model and model.__name__}, "
            "expected a subclass of cliqa.config.PretrainingConfig"
        )
    return model
