"""What the page about one's own images says is what the code does."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from cliqa.cli import cli
from cliqa.config import load_config
from cliqa.registry import Registry

PAGE = Path(__file__).parents[3] / "docs/how-to/my-images.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def holiday(tmp_path, monkeypatch):
    """The folder that the page shows, with 24 pictures."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holiday/pictures").mkdir(parents=True)
    rng = np.random.default_rng(0)
    shown = list(csv.DictReader(blocks("csv")[0].splitlines()))
    with Path("holiday/scores.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(shown[0]))
        writer.writeheader()
        for i in range(24):
            name = f"img_{i + 1:03}.jpg"
            scene = f"scene {i // 2}" if i >= 3 else shown[i]["scene"]
            writer.writerow(shown[i % 3] | {"image": name, "scene": scene})
            pixels = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(f"holiday/pictures/{name}")
    return tmp_path


def test_the_two_minutes_end_with_a_run(holiday, tiny_config):
    (holiday / "my.yaml").write_text(blocks("yaml")[0])
    command = blocks("sh")[0].split()[1:]
    small = ["train.epochs=1", "train.warmup_epochs=1", "train.crop=48", "stream.tasks.0.images=48"]
    small += ["stream.tasks.0.size=64", "compare=[]", "gates=[newest]", "backbone=tiny"]
    small += ["plugins=[./tiny_plugin.py]", "train.lr_drop_epoch=null"]
    options = [part for setting in small for part in ("--set", setting)]
    done = CliRunner().invoke(cli, [*command, *options])
    assert done.exit_code == 0, done.output
    facts = json.loads((holiday / "holiday-run/run.json").read_text())["data"]
    assert "'source': 'scores.csv'" in str(facts)


def test_the_first_configuration_says_the_dataset_in_five_lines_beside_its_name():
    task = yaml.safe_load(blocks("yaml")[0])["stream"]["tasks"][1]
    assert len(set(task) - {"name", "as", "image_folder"}) == 4


def test_every_configuration_of_the_page_can_be_loaded(holiday):
    for block in blocks("yaml"):
        text = block if block.startswith("extends") else f"extends: quickstart\n{block}"
        (holiday / "c.yaml").write_text(text)
        found = load_config(holiday / "c.yaml", registry_factory=lambda _: Registry.discover())
        assert found.tasks[-1].name == "rated-images"


def test_the_local_configurations_of_the_page_build_their_sets(holiday, build):
    for block in blocks("yaml")[:2]:
        task = yaml.safe_load(block)["stream"]["tasks"][-1]
        found = build(**{key: value for key, value in task.items() if key not in ("name", "as")})
        assert len(found.table) == 24


def test_the_answer_to_a_missing_range_is_the_one_shown(holiday, build):
    with pytest.raises(ValueError, match="range") as caught:
        build(data="holiday/scores.csv", image_folder="pictures", range=...)
    assert f"{caught.value}\n" == blocks("text")[1]
