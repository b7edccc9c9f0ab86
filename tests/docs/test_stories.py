"""Each page is read from top to bottom, and what it shows is done: commands, files, Python.

Readers have pictures, ratings, a configuration, a grid and finished runs. What a page trains is
made small first (`SMALL`), and a grid that a paper needs is planned, not run. What cannot be done
here is `ELSEWHERE`, with the reason. A page may show a mistake if it shows the answer too.
"""

from __future__ import annotations

import csv
import json
import shlex
import shutil
from contextlib import chdir
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from cliqa_timm.lite0 import build as build_lite0
from pages import PAGES, ROOT, blocks_of, name_of, redirected, shell_commands
from PIL import Image

from cliqa import Component, hookimpl
from cliqa.cli.main import cli

#: What makes a run on the embedded set, and a job, one of seconds.
SMALL = {
    "stream.tasks": [
        {"name": "embedded", "as": name, "subset": name, "images": 48, "size": 64}
        for name in ("live-like", "bid-like")
    ],
    "train.crop": 32,
    "train.warmup_epochs": 1,
    "train.epochs": 1,
}
SMALL_JOB = {
    "types": ["gaussian-blur", "white-noise"],
    "levels": [5],
    "crops": 1,
    "crop": 64,
    "held_out_crops": 1,
    "epochs": 1,
    "threads": 1,
}
FULL_SIZE = {"quickstart", "my.yaml", "paper.yaml"}
#: Grids that readers write; the others are shipped, and of hours.
OWN_GRIDS = {"orders.yaml", "seeds.yaml", "board.yaml"}

NO_WEIGHTS = "the weights come from the Hub"
NO_SET = "the set has to be downloaded"
INSTALLS = "installs what the page makes; tests/scaffold and `.ci/run` do"
MACHINES = "needs other machines or GPUs"
HOURS = "its sweep takes hours"
EXTRA = "its own tests run it where the extra is installed"
#: Pattern of a command -> why it is not done here.
ELSEWHERE = {
    "pip *": INSTALLS,
    "pytest*": INSTALLS,
    "cliqa run acme-forgetting/*": INSTALLS,
    "cliqa check my-plugin": INSTALLS,
    "cliqa run *resnet18*": NO_WEIGHTS,
    "cliqa run *resnet50*": NO_WEIGHTS,
    "cliqa run *convnext_atto": NO_WEIGHTS,
    "cliqa run *two-stream, scnn: s-cnn*": NO_WEIGHTS,
    "cliqa pretrain *resnet18*": NO_WEIGHTS,
    "cliqa run tsn-iqa-main*": NO_SET,
    "cliqa run liqa-inner*": NO_SET,
    "cliqa data check kadid-10k*": NO_SET,
    "cliqa data check my.yaml --task live": NO_SET,
    "cliqa sweep *--ray-address*": MACHINES,
    "cliqa sweep *--gpus*": MACHINES,
    "torchrun *": MACHINES,
    "cliqa sweep *--executor ray*": EXTRA,
    "cliqa run *tensorboard*": EXTRA,
    "tensorboard *": EXTRA,
    "export *": "sets a variable of the reader's shell",
    "cliqa run paper.yaml --out paper": "is killed and goes on; tests/resume does that",
    "cliqa report *--images *": "the reader's run has other images; tests/report does it",
    "cliqa submit card *koniq=*": "the reader's run has other sets; tests/verification does it",
    "docs/examples/leaderboard/build.sh *": HOURS,
    "cliqa verify submission/tsn-iqa*": HOURS,
    "cliqa report runs/tsn-iqa-main": NO_SET,
    "cliqa report runs/liqa-inner": NO_SET,
    "cliqa report sweeps/liqa*": HOURS,
    "cliqa report sweeps/tsn-iqa-*": HOURS,
    "mkdir lists": NO_SET,
    "cp 'TSN-IQA*": NO_SET,
    "cliqa export *--onnx*": EXTRA,
}
#: The same for Python.
PYTHON_ELSEWHERE = {
    "*push_to_hub*": "needs an account on the Hub",
    "*cliqa_example*": INSTALLS,
}


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """What a reader already has."""
    home = tmp_path_factory.mktemp("reader")
    rng = np.random.default_rng(0)
    for folder in ("photos", "pictures"):
        (home / folder).mkdir()
        for number in range(12):
            pixels = rng.integers(0, 256, (80, 96, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / folder / f"{number}.jpg")
    shutil.copy(home / "photos/0.jpg", home / "photo.jpg")
    with (home / "ratings.csv").open("w", newline="") as file:
        rows = [[f"{number}.jpg", 1 + number % 5] for number in range(12)]
        csv.writer(file).writerows([["image", "score"], *rows])
    method = next(block for block in blocks_of(ROOT / "README.md") if block.file)
    small = {"extends": "quickstart", "stream": {"tasks": SMALL["stream.tasks"]}}
    grid = {"base": "my.yaml", "grid": {"seed": [0]}, "set": SMALL}
    with chdir(home):
        Path(method.file).write_text(method.text)
        for name in ("my.yaml", "paper.yaml"):
            Path(name).write_text(json.dumps(small))  # JSON is YAML
        Path("orders.yaml").write_text(json.dumps(grid))
        Path("seeds.yaml").write_text(json.dumps(grid | {"grid": {"seed": [0, 1, 2]}}))
        assert not do(["cliqa", "sweep", "seeds.yaml", "--out", "sweeps/orders", "--no-store"])
        for number in range(3):
            shutil.copytree(f"sweeps/orders/cells/seed-{number}", f"runs/seed-{number}")
        for name in ("quickstart", "my-method"):
            shutil.copytree("runs/seed-0", f"runs/{name}")
    return home


def do(words, page=""):
    """One command; what is wrong with it, if anything."""
    words, into = redirected(words)
    if words[:2] == ["cp", "-r"]:
        shutil.copytree(*words[2:])
        return []
    done = CliRunner().invoke(cli, made_small(words)[1:])
    told = bool(done.output) and done.output.splitlines()[0] in page
    if done.exit_code and not (done.exit_code == 2 and told):
        return [f"{shlex.join(words)}\n{done.output}"]
    if into:
        Path(into).write_text(done.output)
    return []


def made_small(words):
    """What a page changes itself comes later and wins."""
    action, what = words[1], words[2] if len(words) > 2 else ""
    changes = {}
    if action == "pretrain":
        changes = SMALL_JOB
    elif (action == "run" and what in FULL_SIZE) or (action == "sweep" and what in OWN_GRIDS):
        changes = SMALL
    elif action == "sweep" and what not in ("status", "retry"):
        words = [*words, "--dry-run"]
    pairs = [("--set", f"{key}={json.dumps(value)}") for key, value in changes.items()]
    return [*words[:3], *(word for pair in pairs for word in pair), *words[3:]]


def elsewhere(text, patterns):
    return any(fnmatch(text, pattern) for pattern in patterns)


def read(page):
    """What is wrong with a page, in a folder like `home`."""
    #: What a page's Python takes as given.
    names = {"backbone": build_lite0(), "hookimpl": hookimpl, "Component": Component}
    faults = []
    for block in blocks_of(page):
        if block.file and Path(block.file).exists() and "grid:" in block.text:
            Path("shown.yaml").write_text(block.text)  # the reader's own is smaller
            faults += do(["cliqa", "sweep", "shown.yaml"])
        elif block.file:
            Path(block.file).write_text(block.text)
        elif block.language in ("sh", "console"):
            for words in shell_commands(block):
                if not elsewhere(shlex.join(words), ELSEWHERE):
                    faults += do(words, page.read_text("utf-8"))
        elif block.language == "python" and not elsewhere(block.text, PYTHON_ELSEWHERE):
            try:
                exec(block.text, names)  # noqa: S102 (our own documentation)
            except Exception as error:
                faults.append(f"{block}: {error!r}")
    return faults


STORIES = [page for page in PAGES if blocks_of(page)]
#: Pages that begin with an empty folder for runs.
FROM_NOTHING = {"docs/tutorial/first-leaderboard.md"}


@pytest.mark.parametrize("page", STORIES, ids=name_of)
def test_what_a_page_shows_can_be_done(page, home, tmp_path, monkeypatch):
    shutil.copytree(home, tmp_path / "reader")
    monkeypatch.chdir(tmp_path / "reader")
    if name_of(page) in FROM_NOTHING:
        shutil.rmtree("runs")
    faults = read(page)
    assert not faults, "\n".join(faults)


def test_nothing_is_excused_that_no_page_shows():
    lines = [
        shlex.join(words)
        for page in PAGES
        for block in blocks_of(page)
        if block.language in ("sh", "console")
        for words in shell_commands(block)
    ]
    python = [block.text for page in PAGES for block in blocks_of(page)]
    for patterns, texts in ((ELSEWHERE, lines), (PYTHON_ELSEWHERE, python)):
        for pattern in patterns:
            assert any(fnmatch(text, pattern) for text in texts), pattern
