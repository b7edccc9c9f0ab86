"""The presets are parts of a configuration that resolve against the sets of this plugin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cliqa.config import load_config
from cliqa.registry import Registry

REST = {"backbone": "efficientnet-lite0", "strategy": "tsn-iqa"}


def resolved(registry, tmp_path, *names):
    stream = {}
    for name in names:
        stream |= yaml.safe_load(registry.get("preset", name).file().read_text("utf-8"))["stream"]
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({**REST, "stream": stream}))
    return load_config(file, registry_factory=lambda files: Registry.discover(local_files=files))


def test_the_six_tasks_stand_in_order_i_and_are_divided_by_content(registry, tmp_path):
    config = resolved(registry, tmp_path, "six-datasets")
    labels = [task.label for task in config.tasks]
    assert labels == ["live", "csiq", "bid", "clive", "koniq-10k", "kadid-10k"]
    assert [task.name for task in config.tasks] == labels
    assert config.run.stream.order == "I"
    assert config.run.stream.split.protocol == "70/10/20"
    assert config.run.stream.split.by == "reference"
    assert not config.evaluate_only


def test_the_three_unseen_sets_add_to_the_six(registry, tmp_path):
    config = resolved(registry, tmp_path, "six-datasets", "three-unseen-datasets")
    assert [r.label for r in config.evaluate_only] == ["tid2013", "spaq", "agiqa-3k"]
    assert len(config.tasks) == 6


def test_every_set_is_offered_lazily_with_settings_and_a_paper(registry):
    for name in ("live", "csiq", "bid", "clive", "koniq-10k", "kadid-10k", "tid2013", "spaq"):
        registered = registry.get("dataset", name)
        assert registered.component.factory.startswith("cliqa_iqa.")
        assert set(registered.config_model().model_fields) >= {"root", "expect", "allow_missing"}
        assert registered.reference


def snippets():
    page = Path(__file__).parents[3] / "docs" / "how-to" / "iqa-datasets.md"
    return re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("snippet", snippets())
def test_every_configuration_in_the_guide_resolves(snippet, tmp_path):
    part = yaml.safe_load(snippet)
    part["stream"].setdefault("tasks", ["live"])
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({**REST, **part}))
    config = load_config(file, registry_factory=lambda files: Registry.discover(local_files=files))
    assert config.tasks


def test_the_guide_has_a_section_and_a_page_to_get_it_from_for_every_set(registry):
    from importlib import import_module

    guide = (Path(__file__).parents[3] / "docs" / "how-to" / "iqa-datasets.md").read_text("utf-8")
    sets = [r for r in registry.components("dataset") if r.owner.name == "iqa"]
    assert len(sets) == 9
    for registered in sets:
        module = registered.component.factory.partition(":")[0]
        facts = import_module(module).FACTS
        section = guide.partition(f"(`{facts.name}`)\n")[2].partition("\n### ")[0]
        assert f"<{facts.page}>" in section
        assert f"{facts.images:,}" in section


def test_every_configuration_of_the_how_to_can_be_loaded(tmp_path):
    page = Path(__file__).parents[3] / "docs/how-to/iqa-datasets.md"
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 15
    for block in blocks:
        (tmp_path / "c.yaml").write_text(f"extends: quickstart\n{block}")
        found = load_config(tmp_path / "c.yaml", registry_factory=lambda _: Registry.discover())
        owners = {r.registered.owner.name for r in (*found.tasks, *found.evaluate_only)}
        assert "iqa" in owners
