"""Damages every file of a run that was cut off, fills its disk, and sees how it ends.

Run from the repository's root: `python -m benchmarks.fault_files`. It prints two tables of
docs/reliability.md. The disk is a small tmpfs, which only root may mount; without that right the
second table is left out.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.fault_campaign import configuration, digest
from cliqa.config import load_config
from cliqa.errors import CliqaError
from cliqa.registry import Registry
from cliqa.results import check_sums
from cliqa.run import BuiltDatasets, Observer, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliqa.config import ResolvedConfig


class Cut(BaseException):
    """The process is as good as dead."""


class Watch(Observer):
    """Keeps what is said, and cuts the run off after so many epochs.

    Args:
        epochs: after how many; None: never.
    """

    def __init__(self, epochs: int | None = None) -> None:
        self.left, self.notes = epochs, []

    def note(self, text: str) -> None:
        """See `Observer.note`."""
        self.notes.append(text)

    def epoch(self, record: Any) -> None:
        """See `Observer.epoch`."""
        if self.left is not None:
            self.left -= 1
            if not self.left:
                raise Cut


@dataclass(frozen=True)
class Runs:
    """One configuration, run again and again on the same images."""

    config: ResolvedConfig
    datasets: BuiltDatasets

    def go(self, out: Path, epochs: int | None = None) -> tuple[bool, str]:
        """Run; returns whether it ended, and what was said."""
        watch = Watch(epochs)
        try:
            run(self.config, out, observer=watch, datasets=self.datasets)
        except Cut:
            return False, " / ".join(watch.notes)
        except CliqaError as error:
            return False, str(error)
        return True, " / ".join(watch.notes)


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)


def halve(path: Path) -> None:
    """Lose the second half."""
    os.truncate(path, path.stat().st_size // 2)


def remove(path: Path) -> None:
    """Lose it."""
    path.unlink()


DAMAGES: dict[str, Callable[[Path], None]] = {
    "one bit": flip, "half": halve, "gone": remove,
}  # fmt: skip


def kinds(folder: Path) -> dict[str, list[Path]]:
    """What can be damaged: a kind of file -> the files, relative to the run's folder."""
    found: dict[str, list[Path]] = {}
    names = sorted(p.name for p in (folder / "resume").iterdir() if p.is_dir())
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        relative = path.relative_to(folder)
        parts = relative.parts
        if parts[0] == "resume" and len(parts) == 3:
            age = "newest" if parts[1] == names[-1] else "older"
            file = re.sub(r"\d+", "*", parts[2])
            found.setdefault(f"{age} checkpoint, `{file}`", []).append(relative)
            found.setdefault(f"both checkpoints, `{file}`", []).append(relative)
        elif parts[0] == "splits":
            found.setdefault("`splits/*.json`", []).append(relative)
        else:
            found[f"`{relative.as_posix()}`"] = [relative]
    return found


def damaged(runs: Runs, work: Path) -> bool:
    """Print what becomes of a run when it goes on beside damaged files."""
    whole, cut = work / "whole", work / "cut"
    runs.go(whole)
    _, usual = runs.go(cut, epochs=5)  # in the second task
    expected, good = digest(whole), True
    print("| Damaged | How | Said | End |\n|---|---|---|---|")
    for kind, files in kinds(cut).items():
        seen: dict[tuple[str, str], list[str]] = {}
        for how, damage in DAMAGES.items():
            out = work / "again"
            shutil.copytree(cut, out)
            for file in files:
                damage(out / file)
            ended, said = runs.go(out)
            same = ended and digest(out) == expected
            good &= same or not ended
            end = "same bytes" if same else "**differs**" if ended else "stopped"
            seen.setdefault((short(said, usual, out), end), []).append(how)
            shutil.rmtree(out)
        for (said, end), how in seen.items():
            print(f"| {kind} | {', '.join(how)} | {said} | {end} |", flush=True)
    found = sum(told(whole, path, d, work) for path in expected for d in DAMAGES.values())
    made = len(DAMAGES) * len(expected)
    print(f"\nOf a finished run: {found} of {made} damages found by `check_sums`")
    return good and found == made


def short(said: str, usual: str, out: Path) -> str:
    """What was said, without the paths of this machine and what is always said."""
    text = said.replace(usual, "").replace(str(out), "RUN").replace("|", "\\|").strip(" /")
    text = re.sub(r"\d{8}", "N", re.sub(r"[0-9a-f]{64}", "...", text))
    return text if len(text) < 240 else f"{text[:237]}..."


def told(whole: Path, relative: str, damage: Callable[[Path], None], work: Path) -> bool:
    """Whether a damage to a finished run is found, and nothing else is called damaged."""
    copy = work / "sealed"
    shutil.copytree(whole, copy)
    damage(copy / relative)
    faults = check_sums(copy)
    shutil.rmtree(copy)
    return len(faults) == 1 and faults[0].startswith(relative)


def full(runs: Runs, whole: Path, disk: Path, sizes: list[float]) -> bool:
    """Print what becomes of a run on disks of so many MB, and after they have grown."""
    expected, good = digest(whole), True
    print("\n| Disk | Said | After it has grown |\n|---|---|---|")
    for size in sizes:
        disk.mkdir(exist_ok=True)
        mount(disk, f"size={round(size * 1e6)}")
        try:
            ended, said = runs.go(disk / "run")
            usual = "" if ended else short(said, "", disk / "run")
            mount(disk, "remount,size=4g")
            again, text = (True, "") if ended else runs.go(disk / "run")
            same = again and digest(disk / "run") == expected
        finally:
            subprocess.run(["umount", str(disk)], check=True)  # noqa: S607
        good &= same
        first = "same bytes, nothing was said" if ended else usual
        then = "same bytes" if same else f"**no**: {short(text, '', disk / 'run')}"
        print(f"| {size:g} MB | {first} | {then} |", flush=True)
    return good


def mount(disk: Path, options: str) -> None:
    """Mount a tmpfs, or change one."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    subprocess.run(command, check=True)


def main() -> int:
    """Print the tables; the exit code is 1 if a run ended with other bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategy", default="ewc")
    parser.add_argument("--disks", type=float, nargs="*", default=[0.1, 5, 30, 60, 90, 120])
    options = parser.parse_args()
    os.environ.setdefault("CLIQA_CACHE", "off")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        settings = configuration(options.strategy)
        settings["gates"] = ["newest"]
        settings["train"] |= {"warmup_epochs": 1, "epochs": 2}
        (work / "run.yaml").write_text(yaml.safe_dump(settings))
        config = load_config(
            work / "run.yaml", registry_factory=lambda files: Registry.discover(local_files=files)
        )
        runs = Runs(config, BuiltDatasets())
        good = damaged(runs, work)
        if os.geteuid() == 0:
            good &= full(runs, work / "whole", work / "disk", options.disks)
    return not good


if __name__ == "__main__":
    raise SystemExit(main())
