"""Times and memory of reading images: `pytest benchmarks/test_data.py -s`.

`CLIQA_BENCH_IMAGES` is the number of JPEGs of 512 x 384 pixels, by default 10,000; a tenth of them
is the small set that memory is compared with. Each pass is a process of its own, so that nothing
but the cache on the disk is shared; figures of memory are that process's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cliqa.data import make_split

IMAGES = int(os.environ.get("CLIQA_BENCH_IMAGES", "10000"))
#: A pass: open the set, check it as a run does, then read every pixel in two epochs.
SCRIPT = """
import json, os, sys, time, tracemalloc
from pathlib import Path
from benchmarks.test_data import anonymous_memory, dataset_of
from cliqa.cache import PixelCache
from cliqa.data import ImageReader, PixelStore, Resize
folder, count, cached, traced = Path(sys.argv[1]), *map(int, sys.argv[2:5])
disk = PixelCache(folder / "cache", 10**11) if cached else None
dataset = dataset_of(folder, count)
if traced:
    tracemalloc.start()
before = anonymous_memory()
started = time.perf_counter()
reader = ImageReader(dataset, PixelStore(0, disk))
reader.check(range(count), (Resize(shrink=768),), workers=min(8, 2 * os.cpu_count()))
checked = time.perf_counter()
def epoch():  # copied, as into a batch
    views = (reader.read(row, Resize(shrink=768)).copy() for row in range(count))
    return sum(int(view[::16, ::16].sum()) for view in views)
total = epoch()
done = time.perf_counter()
assert epoch() == total
later = time.perf_counter()
peak = tracemalloc.get_traced_memory()[1] if traced else 0
print(json.dumps({"check": checked - started, "epoch": done - checked,
    "later": later - done, "total": total,
    "memory": anonymous_memory() - before, "traced": peak}))
"""


def anonymous_memory() -> int:
    """Bytes of this process that no file stands behind: mapped images do not count."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def dataset_of(folder, count):
    """The first images of the folder as a rated dataset."""
    import datasets

    from cliqa.data import COLUMNS, RatedDataset

    columns = dict.fromkeys(COLUMNS, [None] * count) | {
        "sample_id": [f"{n:05}" for n in range(count)],
        "image": [str(folder / f"{n:05}.jpg") for n in range(count)],
        "quality": [n / count for n in range(count)],
    }
    table = datasets.Dataset.from_dict(columns).cast_column("image", datasets.Image())
    return RatedDataset(name="synthetic", table=table, quality_range=(0.0, 1.0))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Noise of several scales: JPEGs about as large as photographs of this size."""
    place = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        picture = Image.new("RGB", (512, 384))
        for side in (4, 32, 256):
            noise = rng.integers(0, 256, (side * 3 // 4, side, 3), dtype=np.uint8)
            layer = Image.fromarray(noise).resize((512, 384), Image.Resampling.BICUBIC)
            picture = Image.blend(picture, layer, 0.5)
        picture.save(place / f"{number:05}.jpg", quality=90)
    time.sleep(2.1)  # until then their times are not believed
    return place


def one_pass(folder, count, *, cached=True, traced=False):
    arguments = [str(folder), str(count), str(int(cached)), str(int(traced))]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    return json.loads(done.stdout)


def test_reading_without_the_cache_first_and_again(benchmark, folder):
    """One benchmark of three passes; the figures are in `extra_info` and printed."""
    plain = one_pass(folder, IMAGES, cached=False)
    first = one_pass(folder, IMAGES)
    again = benchmark.pedantic(lambda: one_pass(folder, IMAGES), rounds=1)
    assert plain["total"] == first["total"] == again["total"]
    passes = {"without": plain, "first": first, "again": again}
    for name, found in passes.items():
        for part in ("check", "epoch", "later"):
            benchmark.extra_info[f"{name}, {part}, s"] = round(found[part], 2)
    for part in ("check", "epoch", "later"):
        ratio = plain[part] / again[part]
        benchmark.extra_info[f"{part}: without / again"] = round(ratio, 1)
    report(f"{IMAGES} images of {mean_size(folder) / 1e3:.0f} kB", benchmark.extra_info)


def test_memory_does_not_grow_with_the_number_of_images(benchmark, folder):
    few = one_pass(folder, IMAGES // 10, traced=True)
    many = benchmark.pedantic(lambda: one_pass(folder, IMAGES, traced=True), rounds=1)
    pixels = (IMAGES - IMAGES // 10) * 512 * 384 * 3
    for name, found in (("few", few), ("many", many)):
        benchmark.extra_info[f"{name}: anonymous memory, MB"] = round(found["memory"] / 1e6, 1)
        benchmark.extra_info[f"{name}: tracemalloc peak, MB"] = round(found["traced"] / 1e6, 1)
    report(f"{IMAGES // 10} and {IMAGES} images", benchmark.extra_info)
    assert many["memory"] - few["memory"] < 0.05 * pixels


def test_dividing_a_set(benchmark, folder):
    dataset = dataset_of(folder, IMAGES)
    benchmark(lambda: make_split(dataset, "70/10/20", by="reference", seed=0))


def mean_size(folder):
    return np.mean([path.stat().st_size for path in folder.glob("*.jpg")])


def report(title, figures):
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"  {name}: {value}")
