"""Seconds a step and bytes a checkpoint beside Avalanche: `python benchmarks/avalanche/run.py`.

Makes an environment for Avalanche in `--env` if there is none: its packages come from the
registry, torch and numpy from the environment that runs this file. Then both sides learn the same
in turns, each in a process of its own and one thread, and the medians of processor time a step are
printed with their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path

from shared import METHODS

HERE = Path(__file__).parent


def environment(folder: Path) -> Path:
    """Python of Avalanche's environment, made if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        (own,) = folder.glob("lib/python*/site-packages")
        sites = [path for path in sys.path if path.endswith("site-packages")]
        (own / "base.pth").write_text("\n".join(sites) + "\n")
        command = [str(python), "-m", "pip", "install", "-r", str(HERE / "requirements.txt")]
        subprocess.run(command, check=True)
    return python


def measure(python: Path | str, script: str, *arguments: str) -> dict[str, dict[str, float]]:
    command = [str(python), str(HERE / script), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", type=Path, default=HERE / ".env", help="Avalanche's environment")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=96, help="of the images, in pixels")
    options = parser.parse_args()
    os.environ["CLIQA_BENCH_SIDE"] = str(options.side)
    other = environment(options.env)
    sides = {
        "avalanche": (other, "theirs.py"),
        "cliqa float32": (sys.executable, "ours.py", "float32"),
        "cliqa bf16": (sys.executable, "ours.py", "bf16"),
    }
    found: dict[str, list[dict[str, dict[str, float]]]] = {side: [] for side in sides}
    for number in range(options.rounds):
        for side, command in sides.items():
            found[side].append(measure(*command))
            print(f"round {number + 1}, {side}: {found[side][-1]}", file=sys.stderr)
    print("| method | side | ms a step | Avalanche / side | MB a checkpoint |")
    print("|---|---|---|---|---|")
    for method in METHODS:
        base = statistics.median(r[method]["seconds"] for r in found["avalanche"])
        for side, rounds in found.items():
            seconds = [r[method]["seconds"] for r in rounds]
            median = statistics.median(seconds)
            spread = f"{1e3 * min(seconds):.0f}-{1e3 * max(seconds):.0f}"
            size = rounds[0][method]["bytes"] / 1e6
            print(
                f"| {method} | {side} | {1e3 * median:.0f} ({spread}) | {base / median:.2f} "
                f"| {size:.1f} |"
            )


if __name__ == "__main__":
    main()
