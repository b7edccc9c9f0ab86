"""The JSON schema of a configuration, for editors: completion, hover texts and red underlines.

It knows the plugins that are installed, so it is made on the user's machine rather than shipped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import PydanticInvalidForJsonSchema

from cliqa.config.extends import EXTENDS
from cliqa.config.models import RunConfig, default_at
from cliqa.config.roles import LABEL_PATTERN, ROLES, Role
from cliqa.errors import PluginError
from cliqa.registry.component import KINDS

if TYPE_CHECKING:
    from cliqa.registry import Registered, Registry

__all__ = ["build_schema"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_LABEL: Final = {
    "type": "string",
    "pattern": f"^{LABEL_PATTERN}$",
    "description": "its name in tables and files; default: its name",
}


def build_schema(registry: Registry) -> dict[str, Any]:
    """The schema of a configuration that may name any component of `registry`."""
    schema = RunConfig.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    del definitions["Ref"]
    for kind in dict.fromkeys(role.kind for role in ROLES):
        definitions[_definition(kind)] = _reference(registry, kind, definitions)
    for role in ROLES:
        _point(schema, role)
    _allow_extending(schema)
    head = {"$schema": _DIALECT, "title": "cliqa configuration"}
    return head | {key: value for key, value in schema.items() if key != "title"}


def _allow_extending(schema: dict[str, Any]) -> None:
    """A configuration may leave to others what it must name; see `cliqa.config.extends`."""
    name = {"type": "string", "minLength": 1}
    schema["properties"] = {
        EXTENDS: {
            "description": "presets, recipes or files that this configuration changes; the later "
            "one wins, and what is written here wins over all",
            "anyOf": [name, {"type": "array", "items": name}],
        }
    } | schema["properties"]
    schema["anyOf"] = [{"required": [EXTENDS]}, {"required": schema.pop("required")}]


def _definition(kind: str) -> str:
    return f"component.{kind}"


def _point(schema: dict[str, Any], role: Role) -> None:
    """Make a role's property refer to the definition of its kind of component."""
    holder = schema
    if len(role.path) > 1:
        holder = schema["$defs"]["StreamConfig"]
    written: dict[str, Any] = holder["properties"][role.key]
    target = {"$ref": f"#/$defs/{_definition(role.kind)}"}
    shape = {"type": "array", "items": target} if role.many else target
    kept = {key: written[key] for key in ("description", "minItems") if key in written}
    default = default_at(role.path)
    default = {} if default is None else {"default": default}
    holder["properties"][role.key] = shape | kept | default


def _reference(registry: Registry, kind: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A component of one kind, by name or as a mapping with its own settings."""
    components = registry.components(kind)
    mappings = [_mapping(component, definitions) for component in components]
    # A name alone will do where every setting has a default.
    short = [
        component
        for component, mapping in zip(components, mappings, strict=True)
        if mapping["required"] == ["name"]
    ]
    names: list[dict[str, Any]] = [{"enum": [c.name for c in short if not c.is_family]}]
    names += [{"type": "string", "title": c.name} for c in short if c.is_family]
    # Not oneOf: a family's names are open, so they overlap with the names of the others.
    return {"description": KINDS[kind][1], "anyOf": [*names, *mappings]}


def _mapping(component: Registered, definitions: dict[str, Any]) -> dict[str, Any]:
    settings = _settings(component, definitions)
    name = {"type": "string"} if component.is_family else {"const": component.name}
    about = " ".join(part for part in (component.summary, component.reference) if part)
    required = [key for key in settings.get("required", []) if key != "name"]
    return {
        "type": "object",
        "title": component.name,
        "description": about,
        "properties": settings.get("properties", {}) | {"name": name, "as": _LABEL},
        "required": ["name", *required],
        # Without a schema of the settings, any are let through: the run itself will tell.
        "additionalProperties": settings.get("additionalProperties", True),
    }


def _settings(component: Registered, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a component's own settings; its inner definitions go to the top."""
    prefix = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{component.kind}.{component.name}.")
    try:
        model = component.config_model()
        if model is None:
            return {"additionalProperties": False}
        schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    except (PluginError, PydanticInvalidForJsonSchema):
        return {}
    inner = schema.pop("$defs", {})
    definitions.update({f"{prefix}{name}": definition for name, definition in inner.items()})
    return schema
