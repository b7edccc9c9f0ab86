"""What the documentation says is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_generated_reference_pages_are_those_of_the_code():
    done = subprocess.run(
        [sys.executable, ROOT / "docs/generate_reference.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_pages_of_the_python_interface_are_of_what_is_said_to_be_public():
    pages = {page.stem for page in (ROOT / "docs/reference/api").glob("*.md")} - {"index"}
    row = next(
        line
        for line in (ROOT / "docs/reference/api-stability.md").read_text("utf-8").splitlines()
        if line.startswith("| Python |")
    )
    assert pages == set(re.findall(r"`cliqa\.(\w+)`", row))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_readmes_first_block_is_the_two_commands():
    first, second = blocks(ROOT / "README.md", "sh")[0].strip().splitlines()
    assert first == "pip install . && cliqa run quickstart"
    assert second == 'pip install ".[test]" && pytest'


def cliqa(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cliqa", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_readmes_method_in_one_file_runs(tmp_path):
    (tmp_path / "my_method.py").write_text(blocks(ROOT / "README.md", "python")[0])
    recipe = cliqa("show", "recipe", "quickstart", folder=tmp_path)
    config = yaml.safe_load(recipe.stdout)
    config |= {"plugins": ["./my_method.py"], "strategy": "norm-only", "compare": []}
    config["stream"]["tasks"] = config["stream"]["tasks"][:2]
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(config))
    small = ["--set", "stream.tasks.*.images=48", "--set", "train.epochs=1"]
    done = cliqa("run", "my.yaml", "--out", "out", *small, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "norm-only" in done.stdout


def test_the_tutorials_mistake_is_answered_as_it_says(tmp_path):
    text = blocks(ROOT / "docs/tutorial/first-run.md", "text")[0]
    done = cliqa("run", "quickstart", "--set", "train.epohcs=3", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == text
    assert not list(tmp_path.iterdir())
