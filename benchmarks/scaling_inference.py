"""Time and memory of scoring against heads, images, image size and batch.

Run from the repository's root: `python benchmarks/scaling_inference.py --out FOLDER`. It writes
`scaling.json`, `scaling.md` and `scaling.svg`, labelled with the processor (a GPU where torch sees
one; `--device cpu` keeps to the CPU). One axis is varied at a time around the middle of the others.
All ways of scoring are timed in interleaved rounds, beside what is counted: multiply-accumulates,
and the bytes of activations and inference copies. docs/performance.md shows what it gave.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.inference_cases import grow, make_model, processor
from cliqa.inference import SCORERS, FoldedScorer
from cliqa.inference.copies import own_bytes
from cliqa.inference.measure import interleaved
from cliqa.model import Compute, activation_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from cliqa.model import QualityModel

AXES = {
    "heads": (1, 2, 4, 8, 16, 32, 64),
    "images": (4, 16, 64),
    "size": (64, 112, 224),
    "batch": (1, 2, 4, 8),
}
MIDDLE = {"heads": 6, "images": 8, "size": 112, "batch": 8}
#: Every axis at its ends, for tests.
QUICK_AXES = {"heads": (1, 2), "images": (2,), "size": (32,), "batch": (1,)}
QUICK_MIDDLE = {"heads": 1, "images": 1, "size": 32, "batch": 1}


@dataclass(frozen=True)
class Point:
    """One way of scoring at one place of an axis.

    Attributes:
        axis: the varied axis.
        at: its value.
        scorer: the way, with its arithmetic.
        seconds: median of a round.
        low: fastest round.
        high: slowest round.
        gmacs: counted multiply-accumulates of all images and heads, in 10^9.
        activations_mb: peak of one batch's activations in float32, counted, in MB (10^6 bytes).
        copies_mb: inference copies of all heads; beyond `Compute.memory` they are not kept.
        gpu_mb: measured peak on a GPU; None on a CPU.
    """

    axis: str
    at: int
    scorer: str
    seconds: float
    low: float
    high: float
    gmacs: float
    activations_mb: float
    copies_mb: float
    gpu_mb: float | None


def measure(name: str, device: str, *, quick: bool, rounds: int) -> list[Point]:
    """All points of all axes."""
    model = make_model(name, 0, device)
    axes, middle = (QUICK_AXES, QUICK_MIDDLE) if quick else (AXES, MIDDLE)
    found = []
    for axis, values in axes.items():
        for value in values:
            found += measure_point(model, axis, value, middle | {axis: value}, rounds)
            print(
                f"{axis} {value}: "
                + ", ".join(
                    f"{p.scorer} {p.seconds:.3f} s"
                    for p in found
                    if (p.axis, p.at) == (axis, value)
                ),
                flush=True,
            )
    return found


def measure_point(
    model: QualityModel, axis: str, value: int, setting: dict[str, int], rounds: int
) -> list[Point]:
    """All ways of scoring in one setting."""
    grow(model, setting["heads"])
    device = next(model.backbone.parameters()).device
    size, heads = setting["size"], range(setting["heads"])
    images = torch.randn(setting["images"], 3, size, size, device=device)
    images = images.to(memory_format=torch.channels_last)
    batches = images.split(setting["batch"])
    ways = {f"{name}, {word}": Way(model, name, word, batches, heads) for word, name in WAYS}
    macs, memory = {}, {}
    for label, way in ways.items():  # the warm-up too
        way()
        macs[label] = counted(way)
        memory[label] = gpu_peak(way)
    seconds = interleaved(ways, rounds)
    activations = activation_bytes(model.backbone, size, size) * len(batches[0]) / 1e6
    return [
        Point(
            axis,
            value,
            label,
            median(seconds[label]),
            min(seconds[label]),
            max(seconds[label]),
            macs[label],
            activations,
            copies_of(ways[label]) if ways[label].name == "folded" else 0.0,
            memory[label],
        )
        for label in ways
    ]


WAYS = (("float32", "reference"), ("float32", "folded"), ("float32", "batched"), ("bf16", "folded"))


@dataclass
class Way:
    """Scores all batches once when called."""

    model: QualityModel
    name: str
    precision: Any
    batches: Sequence[Tensor]
    heads: Sequence[int]

    def __post_init__(self) -> None:
        self._scorer = SCORERS[self.name](self.model)
        device = self.batches[0].device
        self.compute = Compute(device=device, precision=self.precision)

    def __call__(self) -> None:
        """All batches by all heads."""
        with self.compute.autocast():
            for batch in self.batches:
                self._scorer.scores(batch, self.heads)


def counted(function: Callable[[], object]) -> float:
    """10^9 multiply-accumulates of convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops() / 2e9


def gpu_peak(function: Callable[[], object]) -> float | None:
    """Measured peak in MB, None without a GPU."""
    if not torch.cuda.is_available():
        return None
    torch.cuda.reset_peak_memory_stats()
    function()
    return torch.cuda.max_memory_allocated() / 1e6


def copies_of(way: Way) -> float:
    """MB of the inference copies of all heads, which are of one size."""
    scorer = FoldedScorer(way.model)
    with torch.no_grad(), way.compute.autocast():
        scorer.scores(way.batches[0][:1], way.heads[:1])
        copied = scorer._network(way.heads[0], way.batches[0])
    return len(way.heads) * own_bytes(copied, way.model.backbone) / 1e6


def table(points: Sequence[Point]) -> str:
    """A Markdown table."""
    lines = [
        "| axis | value | way | seconds (fastest - slowest) | GMAC | GMAC/s | activations, MB "
        "| copies, MB |",
        "|---|--:|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {p.axis} | {p.at} | {p.scorer} | {p.seconds:.3f} ({p.low:.3f} - {p.high:.3f}) "
        f"| {p.gmacs:.2f} | {p.gmacs / p.seconds:.1f} | {p.activations_mb:.0f} "
        f"| {p.copies_mb:.0f} |"
        for p in points
    ]
    return "\n".join(lines) + "\n"


COLOURS = ("#555", "#0a6ebd", "#c2571a", "#1a8f4c")
STYLE = (
    "text{font:12px sans-serif}.n{font-size:9px;text-anchor:middle}"
    ".v{font-size:9px;text-anchor:end}"
)


def drawing(points: Sequence[Point], title: str) -> str:
    """One log-log panel for each axis: seconds against its value."""
    axes = list(dict.fromkeys(p.axis for p in points))
    ways = list(dict.fromkeys(p.scorer for p in points))
    low = math.log10(min(p.seconds for p in points))
    high = max(math.log10(max(p.seconds for p in points)), low + 0.1)
    parts = [text(10, 18, f"{title}: seconds (log)")]
    for column, axis in enumerate(axes):
        here = [p for p in points if p.axis == axis]
        parts += panel(here, ways, 60 + 200 * column, (low, high))
    for number, way in enumerate(ways):
        parts.append(text(10 + 180 * number, 295, way, f'fill="{COLOURS[number % 4]}"'))
    width = max(60 + 200 * len(axes), 760)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 305" role="img" '
        f'aria-label="{title}"><style>{STYLE}</style>'
        '<rect width="100%" height="100%" fill="#fff"/>' + "".join(parts) + "</svg>\n"
    )


def panel(
    points: Sequence[Point], ways: Sequence[str], left: int, span: tuple[float, float]
) -> list[str]:
    """The lines of one axis, with its numbers."""
    start = math.log2(min(p.at for p in points))
    width = max(math.log2(max(p.at for p in points)) - start, 1e-9)

    def place(at: int, seconds: float) -> tuple[float, float]:
        height = (math.log10(seconds) - span[0]) / (span[1] - span[0])
        return left + 150 * (math.log2(at) - start) / width, 230 - 180 * height

    bottom, top = 10 ** span[0], 10 ** span[1]
    values = dict.fromkeys(p.at for p in points)
    parts = [text(left, 270, points[0].axis)]
    parts += [text(place(at, bottom)[0], 250, at, 'class="n"') for at in values]
    parts += [text(left - 5, place(1, s)[1], f"{s:.2g}", 'class="v"') for s in (bottom, top)]
    for number, way in enumerate(ways):
        line = [place(p.at, p.seconds) for p in points if p.scorer == way]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>' for x, y in line]
    return parts


def text(x: float, y: float, words: object, extra: str = "") -> str:
    """A word at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{words}</text>'


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="efficientnet-lite0", help="or a timm model's name")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--quick", action="store_true", help="two small points an axis")
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    points = measure(options.backbone, options.device, quick=options.quick, rounds=options.rounds)
    about = {"processor": processor(), "device": options.device, "backbone": options.backbone}
    options.out.mkdir(parents=True, exist_ok=True)
    content = {**about, "rounds": options.rounds, "points": [asdict(p) for p in points]}
    (options.out / "scaling.json").write_text(json.dumps(content, indent=1) + "\n")
    title = f"{options.backbone}, {processor()}"
    (options.out / "scaling.md").write_text(f"{title}\n\n{table(points)}")
    (options.out / "scaling.svg").write_text(drawing(points, title))


if __name__ == "__main__":
    main()
