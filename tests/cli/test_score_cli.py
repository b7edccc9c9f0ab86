"""`cliqa score` and `cliqa export` as a photographer uses them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cliqa.cli import cli


@pytest.fixture(scope="module")
def model(finished_run, embedded, tmp_path_factory):
    """A model's folder, of a run of one task."""
    folder = tmp_path_factory.mktemp("score")
    config = {
        "backbone": "s-cnn",
        "strategy": "tsn-iqa",
        "gates": ["newest", "oracle"],
        "stream": {"tasks": [embedded("live-like")]},
        "train": {"warmup_epochs": 1, "epochs": 1, "crop": 32, "shrink": None},
        "threads": 1,
    }
    finished_run(config, folder).rename(folder / "run")
    done = call("export", folder / "run", "--out", folder / "model")
    assert done.exit_code == 0, done.output
    assert "put a licence into it" in done.stdout
    return folder / "model"


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for name in ("b.jpg", "=a.png", "c.png"):
        Image.fromarray(rng.integers(0, 256, (40, 56, 3)).astype(np.uint8)).save(
            tmp_path / "photos" / name
        )
    return tmp_path / "photos"


def call(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_scores_are_printed_one_line_a_file(model, photos):
    done = call("score", model, "photos")
    assert done.exit_code == 0, done.output
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["score", "path"]
    assert [line.split()[1] for line in lines] == ["photos/=a.png", "photos/b.jpg", "photos/c.png"]
    assert "no MOS" in done.stderr


def test_a_table_and_a_sheet_are_written_and_gone_on_with(model, photos):
    options = ("--out", "new/t.json", "--contact-sheet", "new/s.png", "--sort", "worst")
    assert call("score", model, "photos", *options).exit_code == 0
    rows = json.loads((photos.parent / "new/t.json").read_text())
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores)
    with Image.open(photos.parent / "new/s.png") as sheet:
        assert sheet.width > 3 * 200
    again = call("score", model, "photos", *options)
    assert again.exit_code == 0, again.output
    assert "0 scored, 3 kept" in again.stderr


def test_a_broken_file_is_a_row_and_exit_code_1_in_the_end(model, photos):
    (photos / "broken.jpg").write_text("no")
    done = call("score", model, "photos", "--out", "t.csv", "--contact-sheet", "s.html")
    assert done.exit_code == 1
    assert "1 of 4 images could not be scored, first photos/broken.jpg" in done.stderr
    assert "photos/broken.jpg,,no image" in (photos.parent / "t.csv").read_text()
    page = (photos.parent / "s.html").read_text()
    assert page.count("<img") == 3


def test_names_are_escaped_in_the_html_sheet(model, photos):
    (photos / "<script>x.jpg").write_bytes((photos / "b.jpg").read_bytes())
    assert call("score", model, "photos", "--contact-sheet", "s.html").exit_code == 0
    page = (photos.parent / "s.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_formula_in_a_name_is_defused(model, photos, monkeypatch):
    monkeypatch.chdir(photos)
    assert call("score", model, "=a.png", "--out", "t.csv").exit_code == 0
    assert "\n'=a.png," in (photos / "t.csv").read_text()
    assert "0 scored, 1 kept" in call("score", model, "=a.png", "--out", "t.csv").stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("gone",), "there is no file or folder gone"),
        (("photos", "--out", "t.xlsx"), "expected a name that ends in .csv"),
        (("photos", "--out", "photos"), "expected a name that ends in"),
        (("photos", "--contact-sheet", "photos/c.png"), "is no contact sheet"),
        (("photos", "--contact-sheet", "photos/b.jpg/c.png"), "a part of the path is a file"),
        (("photos", "--out", "photos/b.jpg/t.csv"), "a part of the path is a file"),
        (("",), "a path is empty"),
        (("photos", "--gate", "oracle"), "holds gate `newest` and no other"),
        (("photos", "--shrink", "3x"), "shrink: expected a size"),
        (("photos", "--device", "tpu"), "device: `tpu` cannot be used"),
        (("photos", "--glob", "*.bmp"), "no image whose name matches *.bmp"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(model, photos, options, text):
    done = call("score", model, *options)
    assert done.exit_code == 2, done.output
    assert text in done.stderr
    assert "Traceback" not in done.output


def test_a_table_of_something_else_is_never_replaced(model, photos):
    (photos.parent / "t.csv").write_text("name,price\napple,1\n")
    done = call("score", model, "photos", "--out", "t.csv")
    assert done.exit_code == 2
    assert "is no table of `cliqa score`" in done.stderr
    assert (photos.parent / "t.csv").read_text() == "name,price\napple,1\n"


def test_a_model_scores_where_neither_its_run_nor_a_dataset_is(model, photos):
    code = (
        "import sys, cliqa; s = cliqa.load(sys.argv[1]).score('photos/b.jpg'); "
        "print([m for m in ('datasets', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, model], cwd=photos.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_importing_cliqa_and_asking_for_load_only_then_loads_torch():
    code = (
        "import sys, cliqa; before = 'torch' in sys.modules; cliqa.load; "
        "print(before, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False True"


def test_pictures_of_every_odd_kind_are_a_score_or_a_row_that_says_why_not(model, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 56, 3)).astype(np.uint8)
    deep = rng.integers(0, 65536, (40, 56)).astype(np.uint16)
    frames = [Image.fromarray(np.roll(pixels, n, axis=0)) for n in range(3)]
    scored = {
        "sixteen.png": Image.fromarray(deep),
        "cmyk.jpg": Image.fromarray(pixels).convert("CMYK"),
        "dot.png": Image.fromarray(pixels[:1, :1]),
        "one-bit.png": Image.fromarray(pixels[..., 0] > 99),
        "new\nline.png": Image.fromarray(pixels),
        "[bold]x.png": Image.fromarray(pixels),
    }
    for name, image in scored.items():
        image.save(folder / name)
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    faults = {"text.jpg": b"no picture", "empty.png": b""}
    faults["cut.jpg"] = (folder / "cmyk.jpg").read_bytes()[:900]
    for name, content in faults.items():
        (folder / name).write_bytes(content)
    done = call("score", model, folder, "--out", tmp_path / "t.json", "--quiet")
    assert done.exit_code == 1
    rows = json.loads((tmp_path / "t.json").read_text())
    assert len(rows) == len(scored) + len(faults) + 1
    told = {row["path"].rpartition("/")[2]: row for row in rows}
    assert {name for name, row in told.items() if row["score"] is None} == set(faults)
    assert all(told[name]["error"] for name in faults)
    assert np.isfinite([row["score"] for row in rows if row["score"] is not None]).all()
    assert told["moving.gif"]["note"] == "the first of 3 frames"


def test_scores_are_printed_although_the_sheet_cannot_be_drawn(model, photos, monkeypatch):
    from cliqa.errors import ResultError

    def fail(*arguments):
        raise ResultError("the disk is full")

    monkeypatch.setattr("cliqa.serving.sheet.write_sheet", fail)
    done = call("score", model, "photos", "--contact-sheet", "s.html")
    assert done.exit_code == 2
    assert "the disk is full" in done.stderr
    assert "photos/b.jpg" in done.stdout


def test_an_export_whose_graph_fails_says_that_the_model_itself_is_there(
    model, tmp_path, monkeypatch
):
    from cliqa.errors import CapabilityError
    from cliqa.serving import onnx_graph

    def fail(*arguments, **options):
        raise CapabilityError("no form as a graph")

    monkeypatch.setattr(onnx_graph, "check_can_export", lambda: None)
    monkeypatch.setattr(onnx_graph, "export_onnx", fail)
    done = call("export", model, "--out", tmp_path / "copy", "--onnx")
    assert done.exit_code == 2
    assert "no form as a graph" in done.stderr
    assert f"{tmp_path / 'copy'} holds the model without it" in done.stderr
    assert (tmp_path / "copy" / "config.json").is_file()
