"""The tracker that the page shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from cliqa.registry import Registry
from cliqa.tracking import TrackedRun

PAGE = Path(__file__).parents[3] / "docs/how-to/trackers.md"


def test_the_pages_tracker_writes_its_file(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "columns.py").write_text(code)
    registry = Registry.discover(local_files=[tmp_path / "columns.py"])
    tracker = registry.get("tracker", "columns").create(None)
    run = TrackedRun(
        name="a/b", group="a", method="b", bundle=tmp_path, folder=tmp_path / "t", record={}
    )
    tracker.start(run)
    tracker.record(1, {"event": "epoch", "phase": "joint", "epoch": 1, "loss": 0.5})
    assert (tmp_path / "t" / "numbers.tsv").read_text() == "1\tjoint/loss\t0.5\n"
