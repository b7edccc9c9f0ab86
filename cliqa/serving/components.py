"""Components that a finished model names, looked up among the plugins of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cliqa.config import ComponentConfig, Resolved
from cliqa.errors import ConfigError, PluginError, UnknownComponentError
from cliqa.registry import OWN_DISTRIBUTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliqa.registry import Registry

__all__ = ["component_record", "find_component", "without_weights"]


def find_component(
    kind: str,
    written: Mapping[str, Any],
    registry: Registry,
    made_with: Sequence[Mapping[str, Any]],
    where: str,
) -> Resolved:
    """A component with its settings.

    Args:
        kind: its kind.
        written: its name, label and settings, as a configuration writes them in full.
        registry: what the plugins offer.
        made_with: the plugins that may have offered it when the model was trained.
        where: what messages begin with.

    Raises:
        UnknownComponentError: no plugin here offers it; says where it came from.
        ConfigError: its plugin no longer takes these settings.
    """
    settings = {key: value for key, value in written.items() if key not in {"as", "plugin"}}
    name = str(settings.pop("name", ""))
    try:
        registered = registry.get(kind, name)
        model = registered.config_model()
    except (UnknownComponentError, PluginError) as error:
        reason = str(error).splitlines()[0]
        text = f"{where}: its {kind} cannot be had: {reason}{_origin(made_with)}"
        raise UnknownComponentError(text) from None
    if model is None:
        return Resolved(kind, str(written.get("as") or name), registered, None)
    if "name" in model.model_fields:
        settings["name"] = registered.name
    try:
        config = model.model_validate(settings)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        raise ConfigError(
            f"{where}: {registered} does not take its setting "
            f"`{'.'.join(map(str, fault['loc']))}`: {fault['msg']}; it was made with another "
            "version of this plugin"
        ) from None
    return Resolved(kind, str(written.get("as") or name), registered, config)


def component_record(resolved: Resolved) -> dict[str, Any]:
    """What a model's folder says of a component, with the plugin that it takes."""
    owner = resolved.registered.owner
    plugin = {
        "name": owner.name,
        "distribution": owner.distribution,
        "version": owner.version,
        "sha256": owner.sha256,
    }
    return {**resolved.dump(), "plugin": plugin}


def without_weights(resolved: Resolved) -> Resolved:
    """The same backbone, to be made without reading weights that are replaced anyway."""
    config = resolved.config
    if not isinstance(config, ComponentConfig):
        return resolved
    return Resolved(resolved.kind, resolved.label, resolved.registered, config.without_weights())


def _origin(plugins: Sequence[Mapping[str, Any]]) -> str:
    """What to install, or which file to name, for a component that is not here."""
    foreign = [p for p in plugins if p and p.get("distribution") != OWN_DISTRIBUTION]
    if not foreign:
        return ""
    ways = []
    for plugin in foreign:
        if plugin.get("distribution"):
            package = f"{plugin['distribution']}=={plugin.get('version')}"
            ways.append(f"plugin `{plugin.get('name')}`: `pip install {package}`")
        else:
            digest = str(plugin.get("sha256"))[:12]
            ways.append(
                f"the local plugin file {plugin.get('name')}.py (SHA-256 {digest}...): name it "
                "with `--local FILE`, in Python with `plugins=[FILE]`"
            )
    return "; it was made with " + ", and ".join(ways)
