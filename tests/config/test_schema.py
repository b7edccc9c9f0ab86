"""`cliqa schema`: the JSON schema of a configuration, made from the installed components."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from cliqa.cli.schema import schema as command
from cliqa.config.json_schema import build_schema

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def schema(factory) -> dict[str, Any]:
    return build_schema(factory([]))


def branch(schema: dict[str, Any], kind: str, title: str) -> dict[str, Any]:
    branches = schema["$defs"][f"component.{kind}"]["anyOf"]
    (found,) = [b for b in branches if b.get("title") == title and b.get("type") == "object"]
    return found


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            yield from nodes(inner)


def test_it_says_which_dialect_it_is_written_in(schema):
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    needed = {"required": ["backbone", "strategy", "stream"]}
    assert schema["anyOf"] == [{"required": ["extends"]}, needed]


def test_every_reference_inside_it_leads_somewhere(schema):
    references = [node["$ref"] for node in nodes(schema) if "$ref" in node]
    assert references
    for reference in references:
        start, name = reference.rsplit("/", 1)
        assert start == "#/$defs"
        assert name in schema["$defs"]


def test_every_definition_is_used(schema):
    used = {node["$ref"].rsplit("/", 1)[1] for node in nodes(schema) if "$ref" in node}
    assert used == set(schema["$defs"])


def test_it_is_plain_json(schema):
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema


def test_each_role_takes_components_of_its_kind(schema):
    properties = schema["properties"]
    assert properties["backbone"]["$ref"] == "#/$defs/component.backbone"
    assert properties["compare"]["items"]["$ref"] == "#/$defs/component.strategy"
    assert properties["gates"]["minItems"] == 1
    assert properties["gates"]["default"] == [{"name": "newest"}]
    tasks = schema["$defs"]["StreamConfig"]["properties"]["tasks"]
    assert tasks["items"]["$ref"] == "#/$defs/component.dataset"


def test_a_component_offers_its_own_settings_and_no_others(schema):
    net = branch(schema, "backbone", "net")
    assert net["properties"]["name"] == {"const": "net"}
    assert net["properties"]["depth"] == {
        "default": 18,
        "description": "number of layers",
        "maximum": 200,
        "minimum": 1,
        "title": "Depth",
        "type": "integer",
    }
    assert set(net["properties"]) == {"name", "as", "depth", "pretrained", "width", "weights"}
    assert net["additionalProperties"] is False
    assert net["description"] == "a net Net 2024"


def test_a_component_without_settings_offers_only_a_label(schema):
    newest = branch(schema, "gate", "newest")
    assert set(newest["properties"]) == {"name", "as"}
    assert newest["additionalProperties"] is False


def test_a_name_alone_is_offered_where_no_setting_is_required(schema):
    names = schema["$defs"]["component.strategy"]["anyOf"][0]["enum"]
    assert names == ["alone", "joint"]
    assert branch(schema, "strategy", "needy")["required"] == ["name", "size"]


def test_a_family_takes_any_name(schema):
    assert branch(schema, "backbone", "zoo")["properties"]["name"] == {"type": "string"}
    short = schema["$defs"]["component.backbone"]["anyOf"]
    assert {"type": "string", "title": "zoo"} in short


def test_definitions_inside_settings_cannot_clash_between_components(schema):
    distance = branch(schema, "gate", "kmeans")["properties"]["distance"]
    assert distance["$ref"] == "#/$defs/gate.kmeans.Inner"
    assert schema["$defs"]["gate.kmeans.Inner"]["additionalProperties"] is False


def test_a_component_whose_settings_cannot_be_imported_takes_any(schema):
    assert branch(schema, "backbone", "lost")["additionalProperties"] is True


def test_the_command_prints_it_with_the_components_of_a_local_plugin(house):
    result = CliRunner().invoke(command, ["--local", str(house)])
    assert result.exit_code == 0
    assert branch(json.loads(result.stdout), "gate", "kmeans")


def test_the_command_writes_it_to_a_file(house, tmp_path):
    file = tmp_path / "cliqa.schema.json"
    result = CliRunner().invoke(command, ["--local", str(house), "--out", str(file)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(file.read_text(encoding="utf-8"))["title"] == "cliqa configuration"


def test_the_command_says_how_an_editor_uses_it():
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert "# yaml-language-server: $schema=cliqa.schema.json" in text
    assert '"yaml.schemas"' in text
