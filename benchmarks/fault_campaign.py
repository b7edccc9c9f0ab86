"""Kills runs at random moments, goes on with them, and counts those that end with the same bytes.

Run from the repository's root: `python benchmarks/fault_campaign.py --kills 100`. It prints the
table of docs/reliability.md. Every attempt is a process of its own that gets SIGKILL at a random
moment of its work: while it trains, evaluates, fits gates, or writes a checkpoint. The clock starts
when it has read what an earlier attempt left and writes `run.json`: most of the life of so small a
run is preparation, in which a kill proves little.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cliqa.registry import Registry

#: Settings of methods whose own phases would take minutes; what they do is the same.
SHORTER: dict[str, dict[str, Any]] = {
    "gfr": {"generator_epochs": 4, "copies": 2, "replay_size": 50},
    "liqa": {"gan_epochs": 4, "head_epochs": 4, "copies": 2, "replay_size": 50, "gan_width": 32},
}
#: Keys that hold times, or tell of the interruptions themselves.
TIMES = {
    "created", "finished", "resumed", "attempts", "stage_seconds", "peak_memory_mb",
    "train_seconds", "train_cpu_seconds", "evaluate_seconds", "seconds",
}  # fmt: skip


@dataclass
class Row:
    """What came of one strategy."""

    strategy: str
    kills: int = 0
    seconds: float = 0.0
    gone_on: int = 0
    unlike: list[str] = field(default_factory=list)


def configuration(strategy: str) -> dict[str, Any]:
    """A run of two small tasks on the network that the wheel brings."""
    tasks = [
        {"name": "embedded", "as": name, "subset": name, "images": 48, "size": 64}
        for name in ("live-like", "bid-like")
    ]
    return {
        "backbone": "efficientnet-lite0",
        "objective": "squared-error" if strategy == "liqa" else "fidelity",
        "strategy": {"name": strategy} | SHORTER.get(strategy, {}),
        "gates": [{"name": "kmeans", "k": 4, "n_init": 2}, "newest"],
        "stream": {"tasks": tasks},
        "train": {"warmup_epochs": 2, "epochs": 3, "crop": 48, "shrink": None, "batch_size": 16},
        "threads": 1,
        "resume": {"minutes": 0.01},
    }


def start(config: Path, out: Path) -> subprocess.Popen[bytes]:
    """An attempt."""
    command = [sys.executable, "-m", "cliqa", "run", str(config), "--out", str(out), "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(config: Path, out: Path) -> float:
    """Let it run to its end; returns the seconds that it worked."""
    before = written(out)
    process = start(config, out)
    began = at_work(process, out, before)
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(errors.decode())
    return time.perf_counter() - began


def written(out: Path) -> int:
    """When `run.json` was last written; 0: never."""
    try:
        return (out / "run.json").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def at_work(process: subprocess.Popen[bytes], out: Path, before: int) -> float:
    """Wait until an attempt is prepared and where the last one was; returns when.

    Args:
        process: the attempt.
        out: its folder.
        before: what `written` said before it was started.
    """
    while process.poll() is None and written(out) == before:
        time.sleep(0.002)
    return time.perf_counter()


def campaign(strategy: str, kills: int, work: Path, rng: random.Random) -> Row:
    """Kill a run so many times, then let it end and compare."""
    row, config = Row(strategy), work / f"{strategy}.yaml"
    config.write_text(yaml.safe_dump(configuration(strategy)))
    row.seconds = finish(config, work / f"{strategy}-whole")
    out = work / f"{strategy}-cut"
    while row.kills < kills and not (out / "SHA256SUMS").exists():
        before = written(out)
        process = start(config, out)
        at_work(process, out, before)
        time.sleep(rng.uniform(0, row.seconds / 3))
        process.kill()
        _, errors = process.communicate()
        if process.returncode not in {0, -signal.SIGKILL}:
            raise SystemExit(f"{strategy} did not go on: {errors.decode()}")
        row.kills += process.returncode == -signal.SIGKILL
    if not (out / "SHA256SUMS").exists():
        finish(config, out)
    row.gone_on = int(json.loads((out / "run.json").read_text())["resumed"])
    one, other = digest(work / f"{strategy}-whole"), digest(out)
    row.unlike = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    return row


def digest(folder: Path) -> dict[str, str]:
    """Path -> digest of all that must be equal."""
    beside = {"SHA256SUMS", ".cliqa-lock"}  # of what is compared; who held the folder last
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in beside)
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(timeless(p)).hexdigest() for p in files
    }


def timeless(path: Path) -> bytes:
    """A file's content; of records, without their times."""
    if path.name not in {"run.json", "train_log.jsonl"}:
        return path.read_bytes()
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    return json.dumps([without_times(json.loads(line)) for line in lines]).encode()


def without_times(value: Any) -> Any:
    """JSON without what differs between any two runs."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in TIMES}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def main() -> None:
    """Go through the strategies until there were so many kills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills in all")
    parser.add_argument("--each", type=int, default=8, help="kills of one run at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="strategies; default: all that are shipped")
    options = parser.parse_args()
    os.environ.setdefault("CLIQA_CACHE", "off")
    shipped = [c.name for c in Registry.discover(third_party=False).components("strategy")]
    rng, rows = random.Random(options.seed), []  # noqa: S311 - moments, not secrets
    print("| Strategy | Seconds of work | SIGKILLs | Resumed | Same bytes |")
    print("|---|---|---|---|---|", flush=True)
    while sum(row.kills for row in rows) < options.kills:
        for strategy in options.only or shipped:
            left = options.kills - sum(row.kills for row in rows)
            if left <= 0:
                break
            with tempfile.TemporaryDirectory() as work:
                row = campaign(strategy, min(options.each, left), Path(work), rng)
            rows.append(row)
            same = f"**no**: {', '.join(row.unlike)}" if row.unlike else "yes"
            about = f"{row.strategy} | {row.seconds:.1f} | {row.kills} | {row.gone_on}"
            print(f"| {about} | {same} |", flush=True)
    kills, equal = sum(r.kills for r in rows), sum(not r.unlike for r in rows)
    print(f"\n{kills} kills; {equal} of {len(rows)} runs ended with the same bytes")
    sys.exit(equal != len(rows))


if __name__ == "__main__":
    main()
