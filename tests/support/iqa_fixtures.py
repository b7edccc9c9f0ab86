"""The nine sets in miniature, as a user's folder holds them, with all that is odd about each.

Every function writes a set and returns the truth about it. The truth is made first and the files
from it; nothing here knows the loaders. Each picture is one grey, so that it can be told which.
"""

from __future__ import annotations

import csv
import io
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import openpyxl
import xlwt
from PIL import Image
from scipy.io import savemat

if TYPE_CHECKING:
    import random
    from pathlib import Path


@dataclass(frozen=True)
class Truth:
    """One rated image; `grey` is what every pixel of it holds."""

    sample_id: str
    grey: int
    score: float
    quality: float
    std: float | None = None
    reference: str | None = None
    distortion: str | None = None
    level: int | None = None
    split: str | None = None


class Disk:
    """Writes files at the end, in any order, with any spelling of their names.

    Args:
        root: where to.
        spelling: changes every part of a path; one part always in the same way.
        order: shuffles the order of writing; None: as told.
    """

    def __init__(self, root: Path, spelling=None, order: random.Random | None = None) -> None:
        self.root = root
        self._spelling = spelling or (lambda part: part)
        self._order = order
        self._spelt: dict[str, str] = {}
        self._files: list[tuple[str, bytes]] = []

    def add(self, path: str, content: bytes | str) -> None:
        data = content.encode() if isinstance(content, str) else content
        self._files.append((path, data))

    def image(self, path: str, grey: int) -> None:
        stream = io.BytesIO()
        form = {"jpg": "JPEG", "bmp": "BMP", "png": "PNG"}[path.rpartition(".")[2].lower()]
        Image.new("RGB", (8, 8), (grey, grey, grey)).save(stream, form)
        self.add(path, stream.getvalue())

    def write(self) -> None:
        if self._order:
            self._order.shuffle(self._files)
        for path, data in self._files:
            parts = [self._spell(part) for part in path.split("/")]
            file = self.root.joinpath(*parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    def _spell(self, part: str) -> str:
        if part not in self._spelt:
            self._spelt[part] = self._spelling(part)
        return self._spelt[part]


def greys(count: int) -> list[int]:
    """Greys that differ by more than JPEG changes them, in no order that a name has."""
    return [8 + 4 * ((7 * i) % 59) for i in range(count)]


# --- forms of score files -------------------------------------------------------------------------


def mat(**variables) -> bytes:
    stream = io.BytesIO()
    savemat(stream, variables)
    return stream.getvalue()


def cells(texts: list[str]) -> np.ndarray:
    """What MATLAB calls a cell array of text."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def xlsx(sheets: dict[str, list[list]], *, top: int = 0, left: int = 0) -> bytes:
    """A workbook; each sheet's table begins `top` rows and `left` columns from its corner."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for r, row in enumerate(rows, start=1 + top):
            for c, value in enumerate(row, start=1 + left):
                sheet.cell(r, c, value)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def xls(sheets: dict[str, list[list]], *, top: int = 0, left: int = 0) -> bytes:
    """The same in the old binary form."""
    book = xlwt.Workbook()
    for name, rows in sheets.items():
        sheet = book.add_sheet(name)
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if value is not None:
                    sheet.write(top + r, left + c, value)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def comma_separated(rows: list[list]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


# --- the sets -------------------------------------------------------------------------------------

LIVE_SIZES = {"jp2k": 12, "jpeg": 3, "wn": 3, "gblur": 2, "fastfading": 2}


def live(disk: Disk, *, scores: str = "both") -> list[Truth]:
    """Five of 22 entries are undistorted copies; `img10` to `img12` sort before `img2` as text.

    Args:
        disk: where to write.
        scores: `both`, `realigned` or `original`.
    """
    entries = [(kind, i) for kind, size in LIVE_SIZES.items() for i in range(1, size + 1)]
    grey = greys(len(entries))
    copies = [i == LIVE_SIZES[kind] for kind, i in entries]
    dmos = [0.0 if copy else -2.5 + 5.1875 * n for n, copy in enumerate(copies)]
    std = [0.0 if copy else 3.5 + n / 16 for n, copy in enumerate(copies)]
    names = ["bikes.bmp" if n % 2 else "lighthouse2.bmp" for n in range(len(entries))]
    for (kind, i), shade in zip(entries, grey, strict=True):
        disk.image(f"{kind}/img{i}.bmp", shade)
        disk.add(f"{kind}/info.txt", "bikes.bmp img1.bmp 0.5")
    disk.image("refimgs/bikes.bmp", 250)
    disk.image("refimgs/lighthouse2.bmp", 250)
    orgs = np.array([copies], dtype=np.uint8)
    disk.add("refnames_all.mat", mat(refnames_all=cells(names)))
    if scores != "original":
        realigned = {"dmos_new": np.array([dmos]), "dmos_std": np.array([std]), "orgs": orgs}
        disk.add("dmos_realigned.mat", mat(**realigned))
    original = [round(30 + value / 4, 6) for value in dmos]
    if scores != "realigned":
        disk.add("dmos.mat", mat(dmos=np.array([original]), orgs=orgs))
    published = original if scores == "original" else dmos
    disk.write()
    return [
        Truth(
            sample_id=f"live/{kind}/img{i}.bmp",
            grey=grey[n],
            score=published[n],
            quality=112 - published[n],
            std=None if scores == "original" else std[n],
            reference="live/" + names[n].removesuffix(".bmp"),
            distortion=kind,
        )
        for n, (kind, i) in enumerate(entries)
        if not copies[n]
    ]


#: File tag -> (folder as downloaded, name in the score files).
CSIQ_TYPES = {
    "AWGN": ("AWGN", "noise"),
    "BLUR": ("BLUR", "blur"),
    "contrast": ("contrast", "contrast"),
    "fnoise": ("fnoise", "fnoise"),
    "JPEG": ("JPEG", "jpeg"),
    "jpeg2000": ("jpeg2000", "jpeg 2000"),
}


def csiq(disk: Disk, *, scores: str = "csiq.DMOS.xlsx", flat: bool = False) -> list[Truth]:
    """A photograph named 1600, and contrast images that are there but were never rated.

    Args:
        disk: where to write.
        scores: name of the score file, which says its form.
        flat: all distorted images in one folder, as some copies have them.
    """
    truth, sheet, labels, number = [], [], [], 0
    shades = greys(40)
    for name in ("1600", "boston", "swarm"):
        for index, (tag, (folder, kind)) in enumerate(CSIQ_TYPES.items(), start=1):
            for level in (1, 2):
                file = f"{name}.{tag}.{level}.png"
                grey, dmos, std = shades[number], round(0.0271 * number, 4), 0.03 + number / 500
                number += 1
                disk.image(f"dst_imgs_all/{file}" if flat else f"dst_imgs/{folder}/{file}", grey)
                if tag == "contrast" and name == "boston" and level == 2:
                    continue  # on disk, but not in the tables: 116 of 150 were rated
                written = 1600 if name == "1600" else name
                sheet.append([written, index, kind, level, std, dmos])
                labels.append([file, dmos])
                truth.append(
                    Truth(
                        sample_id=f"csiq/{file.lower()}",
                        grey=grey,
                        score=dmos,
                        quality=1 - dmos,
                        std=None if scores == "csiq_label.txt" else std,
                        reference=f"csiq/{name}",
                        distortion=tag,
                        level=level,
                    )
                )
        disk.image(f"src_imgs/{name}.png", 250)
    header = ["image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"]
    if scores.endswith((".xlsx", ".xls")):
        write = xlsx if scores.endswith(".xlsx") else xls
        sheets = {"readme": [["CSIQ"]], "all_by_image": [header, *sheet]}
        disk.add(scores, write(sheets, top=3, left=3))
    elif scores == "csiq_label.txt":
        disk.add(scores, "".join(f"{file} {dmos}\n" for file, dmos in labels))
    else:
        disk.add(scores, "".join("\t".join(map(str, row)) + "\r\n" for row in sheet))
    disk.write()
    return truth


def bid(disk: Disk, *, scores: str = "DatabaseGrades.xls") -> list[Truth]:
    """Numbers with gaps, grades of 3 to 5 people, one image with a single grade."""
    numbers = [1, 3, 4, 5, 9, 10, 11, 100, 345, 347, 590]
    shades = greys(len(numbers))
    header = ["Image Number", "Average Subjective Grade", "Number of Grades"]
    rows = [header + [f"Grade #{i}" for i in range(1, 21)]]
    truth = []
    for n, (number, grey) in enumerate(zip(numbers, shades, strict=True)):
        grades = [0.5, 1.25, 2.0, 4.5, 3.0][: 3 + n % 3] if n != 4 else [2.5]
        grades = [min(5.0, grade + n / 20) for grade in grades]
        mean = statistics.fmean(grades)
        rows.append([number, mean, len(grades), *grades])
        name = f"DatabaseImage{number:04d}.JPG"
        disk.image(f"ImageDatabase/{name}", grey)
        spread = sum((grade - mean) ** 2 for grade in grades)
        truth.append(
            Truth(
                sample_id=f"bid/{name.lower()}",
                grey=grey,
                score=mean,
                quality=mean,
                std=(spread / (len(grades) - 1)) ** 0.5 if len(grades) > 1 else None,
            )
        )
    write = {"xls": xls, "xlsx": xlsx}.get(scores.rpartition(".")[2])
    disk.add(scores, write({"Plan1": rows}) if write else comma_separated(rows))
    disk.write()
    return truth


def clive(disk: Disk) -> list[Truth]:
    """Seven training images first; names not contiguous, extensions in both cases."""
    training = [f"t{i}.bmp" for i in range(1, 8)]
    names = ["3.bmp", "5.bmp", "1024.JPG", "1050.JPG", "10.bmp", "1160.JPG", "6.bmp", "9.bmp"]
    shades = greys(len(names))
    mos = [99.0] * 7 + [3.42 + 11.25 * n for n in range(len(names))]
    std = [0.5] * 7 + [15 + n / 8 for n in range(len(names))]
    for name in training:
        disk.image(f"Images/trainingImages/{name}", 250)
    for name, grey in zip(names, shades, strict=True):
        disk.image(f"Images/{name}", grey)
    all_names = cells([*training, *names]).reshape(-1, 1)
    disk.add("Data/AllImages_release.mat", mat(AllImages_release=all_names))
    disk.add("Data/AllMOS_release.mat", mat(AllMOS_release=np.array([mos])))
    disk.add("Data/AllStdDev_release.mat", mat(AllStdDev_release=np.array([std])))
    disk.write()
    return [
        Truth(f"clive/{name.lower()}", grey, m, m, s)
        for name, grey, m, s in zip(names, shades, mos[7:], std[7:], strict=True)
    ]


def koniq(
    disk: Disk, *, files: str = "scores", read: str = "1-5", sizes=("1024x768",)
) -> list[Truth]:
    """Two files with a column `MOS` on different scales; two sizes of each picture.

    Args:
        disk: where to write.
        files: `scores`, `sets` or `both`.
        read: the scale on which the truth is wanted.
        sizes: folders of images; those of the second size are all one grey.
    """
    names = ["10004473376.jpg", "10007357496.jpg", "2956548148.jpg", "826373.jpg", "9.jpg"]
    sets = ["training", "training", "validation", "test", "training"]
    shades = greys(len(names))
    mos = [3.905, 1.85, 2.9333, 4.0, 3.0]
    sd = [0.71, 0.86, 0.5, 1.0, 0.25]
    scored = [75.26, 22.5, 48.1, 79.5, 60.0]
    votes = [[0.0, 0.02, 0.2, 0.6, 0.18, 105]] * len(names)
    for name, grey in zip(names, shades, strict=True):
        for place, size in enumerate(sizes):
            disk.image(f"{size}/{name}", grey if place == 0 else 250)
    head = ["c1", "c2", "c3", "c4", "c5", "c_total", "MOS", "SD"]
    if files != "sets":
        rows = [
            [f, *v, m, s, z] for f, v, m, s, z in zip(names, votes, mos, sd, scored, strict=True)
        ]
        content = comma_separated([["image_name", *head, "MOS_zscore"], *rows])
        disk.add("koniq10k_scores_and_distributions.csv", content)
    if files != "scores":
        rows = [
            [f, *v, z, s, p] for f, v, z, s, p in zip(names, votes, scored, sd, sets, strict=True)
        ]
        rows.reverse()  # rows of the two files need not be aligned
        disk.add(
            "koniq10k_distributions_sets.csv",
            comma_separated([["image_name", *head, "set"], *rows]),
        )
    disk.write()
    part = {"training": "train", "validation": "val", "test": "test"}
    return [
        Truth(
            sample_id=f"koniq-10k/{names[n]}",
            grey=shades[n],
            score=mos[n] if read == "1-5" else scored[n],
            quality=mos[n] if read == "1-5" else scored[n],
            std=sd[n] if read == "1-5" else None,
            split=None if files == "scores" else part[sets[n]],
        )
        for n in range(len(names))
    ]


def kadid(disk: Disk) -> list[Truth]:
    """A column `dmos` in which higher is better, and variances."""
    rows, truth = [["dist_img", "ref_img", "dmos", "var"]], []
    kinds = {1: "gaussian_blur", 9: "jpeg2000", 18: "mean_shift", 25: "contrast_change"}
    shades = greys(24)
    for reference in (1, 2, 81):
        for kind, name in kinds.items():
            for level in (1, 5):
                n = len(truth)
                file = f"I{reference:02d}_{kind:02d}_{level:02d}.png"
                dmos, var = round(1 + n / 6, 2), round(0.25 + n / 10, 3)
                rows.append([file, f"I{reference:02d}.png", dmos, var])
                disk.image(f"images/{file}", shades[n])
                truth.append(
                    Truth(
                        sample_id=f"kadid-10k/{file.lower()}",
                        grey=shades[n],
                        score=dmos,
                        quality=dmos,
                        std=var**0.5,
                        reference=f"kadid-10k/i{reference:02d}",
                        distortion=name,
                        level=level,
                    )
                )
        disk.image(f"images/I{reference:02d}.png", 250)
    disk.add("dmos.csv", comma_separated(rows))
    disk.write()
    return truth


def tid2013(disk: Disk, *, deviations: bool = True) -> list[Truth]:
    """Names in upper, lower and mixed case, not the same in the list as on disk."""
    kinds = {1: "additive_gaussian_noise", 11: "jpeg2000", 24: "sparse_sampling"}
    lines, stds, truth = [], [], []
    shades = greys(18)
    for reference in (1, 14, 25):
        for kind, name in kinds.items():
            for level in (1, 5):
                n = len(truth)
                file = f"I{reference:02d}_{kind:02d}_{level}.bmp"
                score, std = round(0.24242 + n / 3, 5), round(0.1 + n / 64, 6)
                lines.append(f"{score:.5f} {file}")
                stds.append(f"{std}")
                on_disk = [file, file.lower(), file.upper()][n % 3]
                disk.image(f"distorted_images/{on_disk}", shades[n])
                truth.append(
                    Truth(
                        sample_id=f"tid2013/{file.lower()}",
                        grey=shades[n],
                        score=score,
                        quality=score,
                        std=std if deviations else None,
                        reference=f"tid2013/i{reference:02d}",
                        distortion=name,
                        level=level,
                    )
                )
        upper = reference == 25
        disk.image(f"reference_images/{'i25.bmp' if upper else f'I{reference:02d}.BMP'}", 250)
    disk.add("mos_with_names.txt", "\r\n".join(lines) + "\r\n")
    if deviations:
        disk.add("mos_std.txt", "\n".join(stds) + "\n")
    disk.write()
    return truth


def spaq(disk: Disk, *, scores: str = "MOS and Image attribute scores.xlsx") -> list[Truth]:
    """Scores beside other attributes; a second folder with small copies."""
    head = ["Image name", "MOS", "Brightness", "Colorfulness", "Contrast", "Noisiness"]
    names = [f"{i:05d}.jpg" for i in (1, 2, 10, 99, 11125)]
    shades = greys(len(names))
    mos = [39, 18.5, 77.25, 0, 96.333333]
    for name, grey in zip(names, shades, strict=True):
        disk.image(f"TestImage/{name}", grey)
        disk.image(f"TestImage_small/{name}", 250)
    rows = [[name, m, 50, 51, 52, 53] for name, m in zip(names, mos, strict=True)]
    write = {"xlsx": xlsx, "xls": xls}.get(scores.rpartition(".")[2])
    content = write({"Sheet1": [head, *rows]}) if write else comma_separated([head, *rows])
    disk.add(f"Annotations/{scores}", content)
    disk.add("Annotations/Scene category labels.xlsx", xlsx({"Sheet1": [["Image name", "Sky"]]}))
    disk.write()
    return [
        Truth(f"spaq/{n}", g, float(m), float(m))
        for n, g, m in zip(names, shades, mos, strict=True)
    ]


def agiqa(disk: Disk, *, flat: bool = False) -> list[Truth]:
    """Texts with commas, given to several generators; alignment scores beside quality."""
    texts = ['statue of a "man", marble', "sunset over a lake,  painting"]
    head = ["name", "prompt", "adj1", "adj2", "style", "mos_quality", "std_quality"]
    rows = [[*head, "mos_align", "std_align"]]
    truth = []
    shades = greys(6)
    for generator in ("AttnGAN_normal", "DALLE2", "sd1.5_lowstep"):
        for t, text in enumerate(texts):
            n = len(truth)
            name = f"{generator}_{t:03d}.jpg"
            mos, std = round(0.4 + n * 0.7, 6), round(0.2 + n / 32, 6)
            rows.append([name, text, "", "sharp", "baroque", mos, std, 4.9, 0.9])
            disk.image(name if flat else f"images/{name}", shades[n])
            truth.append(
                Truth(
                    sample_id=f"agiqa-3k/{name.lower()}",
                    grey=shades[n],
                    score=mos,
                    quality=mos,
                    std=std,
                    reference=["agiqa-3k/" + 'statue of a "man", marble', _SUNSET][t],
                )
            )
    disk.add("data.csv", comma_separated(rows))
    disk.write()
    return truth


_SUNSET = "agiqa-3k/sunset over a lake, painting"

#: Name of a set -> what writes it.
WRITERS = {
    "live": live,
    "csiq": csiq,
    "bid": bid,
    "clive": clive,
    "koniq-10k": koniq,
    "kadid-10k": kadid,
    "tid2013": tid2013,
    "spaq": spaq,
    "agiqa-3k": agiqa,
}
