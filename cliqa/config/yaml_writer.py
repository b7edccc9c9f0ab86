"""Writes plain values as YAML that `cliqa.config.yaml_source` reads back unchanged."""

from __future__ import annotations

import re
from typing import Any

import yaml

from cliqa.config.yaml_source import CORE_SCHEMA

__all__ = ["write_yaml"]


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.1 or our reader would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - signature of the base class
        """Write a value that occurs twice in full: the reader refuses aliases."""
        return True


for _tag, (_pattern, _first) in CORE_SCHEMA.items():
    _Dumper.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    # PyYAML writes Unicode's own line breaks unescaped between single quotes and then reads them
    # back as spaces; between double quotes it escapes them.
    style = '"' if re.search("[\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def write_yaml(data: dict[str, Any]) -> str:
    """The text of a configuration file, keys in the order given."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
