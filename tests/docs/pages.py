"""The documentation as its readers use it: pages, code blocks, commands."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What is below `docs/examples` has tests of its own.
PARTS = ("tutorial", "how-to", "reference", "explanation")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [page for part in PARTS for page in sorted((ROOT / "docs" / part).rglob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    language: str
    text: str

    def __str__(self):
        return f"{self.page}: {self.text.strip().splitlines()[0]}"[:80]

    @property
    def file(self):
        """The name in a first line such as `# my_method.py`, if there is one."""
        first = re.match(r"# ([\w.-]+\.(?:py|yaml))\n", self.text)
        return first[1] if first else None


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page that have a language, in order."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [Block(name_of(page), language, text) for language, text in found]


def blocks(*languages: str) -> list[Block]:
    """All blocks in these languages."""
    return [block for page in PAGES for block in blocks_of(page) if block.language in languages]


def shell_commands(block: Block) -> list[list[str]]:
    """Each command of a shell block in words, no comments; of a `console` those behind a prompt."""
    found: list[list[str]] = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if block.language == "console" and not line.startswith("$ "):
            continue
        found.append([])
        for word in shlex.split(line.removeprefix("$ "), comments=True):
            if word == "&&":
                found.append([])
            else:
                found[-1].append(word)
    return [words for words in found if words]


def cliqa_commands(page: Path) -> list[str]:
    """The `cliqa` commands of a page, without `cliqa` itself."""
    return [
        shlex.join(words[words.index("cliqa") + 1 :])
        for block in blocks_of(page)
        if block.language in ("sh", "console")
        for words in shell_commands(block)
        if "cliqa" in words[:6] and "pip" not in words
    ]


def redirected(words: list[str]) -> tuple[list[str], str | None]:
    """The words without `> FILE`, and the file."""
    if ">" not in words:
        return words, None
    place = words.index(">")
    return words[:place], words[place + 1]
