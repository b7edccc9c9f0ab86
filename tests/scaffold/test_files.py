"""`cliqa new method`, `gate`, `metric`, `dataset`: what is written is clean, checked, and runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cliqa.cli import cli
from cliqa.registry import Registry
from cliqa.testing import check_plugin

ROOT = Path(__file__).parents[2]
KINDS = {"method": "strategy", "gate": "gate", "metric": "metric", "dataset": "dataset"}
OF_PICTURES = ("--images", "pictures", "--range", "1", "5")
OPTIONS = {"dataset": (*OF_PICTURES, "--scores", "ratings.csv"), "layout": OF_PICTURES}
#: A dataset without a table is another file of the same kind.
WRITTEN = [*KINDS, "layout"]


def write(new, kind, name):
    command = "dataset" if kind == "layout" else kind
    done = new(command, f"{name}.py", *OPTIONS.get(kind, ()))
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def rated_names(ratings):
    """The pictures of `ratings`, each with a score in its name; file name -> score."""
    found = {}
    for number, path in enumerate(sorted(Path("pictures").iterdir())):
        found[f"{path.stem}_{1 + number / 3:.2f}.png"] = round(1 + number / 3, 2)
        path.rename(path.with_name(list(found)[-1]))
    return found


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_file_says_where_it_is_and_what_to_type_next(new, ratings, kind):
    text = write(new, kind, "my_own")
    assert "my_own.py" in text
    assert "run it:    cliqa run my_own.yaml" in text
    assert "check it:  cliqa check my_own.py" in text


@pytest.mark.parametrize("kind", KINDS)
def test_the_component_bears_the_name_of_the_file(new, ratings, kind):
    write(new, kind, "my_own")
    found = Registry.discover(local_files=[Path("my_own.py")], strict=True)
    assert found.get(KINDS[kind], "my-own").summary


def test_a_method_is_at_most_forty_lines(new):
    write(new, "method", "my_own")
    assert len(Path("my_own.py").read_text().splitlines()) <= 40


@pytest.mark.parametrize("name", ["x", "twenty_four_letters_long"])
@pytest.mark.parametrize("kind", WRITTEN)
def test_ruff_finds_nothing_whatever_the_length_of_the_name(new, ratings, kind, name):
    pytest.importorskip("ruff", reason="it comes with the extra `dev`")
    write(new, kind, name)
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", ROOT / "pyproject.toml", "."],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_it_passes_the_kit(new, ratings, kind):
    write(new, kind, "my_own")
    settings = {"images": "pictures", "scores": "ratings.csv"}
    given = {"dataset:my-own": settings} if kind == "dataset" else {}
    results = check_plugin("my_own.py", settings=given)
    assert {r.status for r in results} <= {"passed", "skipped"}, results
    assert sum(r.status == "passed" for r in results) >= 4


def test_a_new_method_runs_at_once_in_a_process_of_its_own(new, small, tmp_path):
    write(new, "method", "my_own")
    tasks = ["--set", "stream.tasks.1.size=64", "--set", "compare=[]"]
    done = subprocess.run(
        [sys.executable, "-m", "cliqa", "run", "my_own.yaml", "--quiet", *small, *tasks],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "my-own" in done.stdout
    assert (tmp_path / "runs" / "my_own" / "SHA256SUMS").is_file()


@pytest.mark.parametrize("kind", ["gate", "metric", "dataset"])
def test_the_others_run_at_once_with_their_configuration(new, ratings, small, kind):
    write(new, kind, "my_own")
    other = [] if kind == "dataset" else ["--set", "stream.tasks.1.size=64"]
    done = CliRunner().invoke(cli, ["run", "my_own.yaml", "--quiet", *small, *other])
    assert done.exit_code == 0, done.output
    assert "my-own" in done.output


def test_a_new_gate_gives_the_weights_of_a_plain_loop(new):
    import numpy as np

    from cliqa.evaluation import GateQuery

    write(new, "gate", "my_own")
    found = Registry.discover(local_files=[Path("my_own.py")]).get("gate", "my-own")
    gate = found.create(found.config_model()(stage=3, tau=2.0))
    rng = np.random.default_rng(0)
    sets = [rng.normal(size=(5, 4)).astype(np.float32) + shift for shift in (0, 1, 2)]
    for number, features in enumerate(sets):
        gate.fit(f"task {number}", {3: features}, 0)
    points = rng.normal(size=(6, 4)).astype(np.float32)
    unit = lambda x: x / np.linalg.norm(x)  # noqa: E731
    expected = []
    for point in points:
        means = [np.mean([unit(x) for x in features], axis=0) for features in sets]
        raised = [np.exp(-2.0 * np.linalg.norm(unit(point) - mean)) for mean in means]
        expected.append([r / sum(raised) for r in raised])
    weights = gate.weights(GateQuery(count=6, heads=3, features={3: points}))
    np.testing.assert_allclose(weights, expected, atol=1e-6)


def test_a_new_metric_is_the_worst_srcc_of_the_last_model(new):
    import numpy as np

    from cliqa.metrics import MatrixRecord

    write(new, "metric", "my_own")
    found = Registry.discover(local_files=[Path("my_own.py")]).get("metric", "my-own")
    S = np.array([[0.1, np.nan], [0.7, 0.4]])
    assert found.create(None).compute(MatrixRecord(S=S, R=S, tasks=("a", "b"))) == 0.4


def test_a_new_dataset_gives_means_and_deviations_of_the_ratings(new, ratings):
    import statistics

    write(new, "dataset", "my_own")
    found = Registry.discover(local_files=[Path("my_own.py")]).get("dataset", "my-own")
    made = found.create(found.config_model()(images="pictures", scores="ratings.csv"))
    rows = {row["sample_id"]: row for row in made.table.remove_columns("image")}
    assert made.quality_range == (1, 5)
    for name, row in rows.items():
        given = [score for _, picture, score in ratings if picture == name]
        assert row["quality"] == pytest.approx(statistics.mean(given))
        assert row["score_std"] == pytest.approx(statistics.stdev(given))


def test_a_rating_off_the_scale_names_file_and_line(new, ratings):
    from cliqa.errors import DataError

    write(new, "dataset", "my_own")
    with Path("ratings.csv").open("a") as file:
        file.write("r9,0.png,6\n")
    found = Registry.discover(local_files=[Path("my_own.py")]).get("dataset", "my-own")
    settings = found.config_model()(images="pictures", scores="ratings.csv")
    with pytest.raises(DataError, match=r"ratings\.csv:38: rating '6'; expected .* \(1, 5\)"):
        found.create(settings)


@pytest.fixture
def layout(new, rated_names):
    """Write a dataset without a table; gives what builds it."""
    write(new, "layout", "my_own")

    def build(folder="pictures"):
        found = Registry.discover(local_files=[Path("my_own.py")]).get("dataset", "my-own")
        return found.create(found.config_model()(images=folder))

    return build


def test_a_dataset_without_a_table_reads_scores_from_names_and_passes_the_kit(layout, rated_names):
    rows = layout().table.remove_columns("image").to_list()
    assert {row["sample_id"]: row["quality"] for row in rows} == rated_names
    results = check_plugin("my_own.py", settings={"dataset:my-own": {"images": "pictures"}})
    assert {r.status for r in results} <= {"passed", "skipped"}, results


def test_a_dataset_without_a_table_runs_at_once_on_names_with_scores(layout, small):
    done = CliRunner().invoke(cli, ["run", "my_own.yaml", "--quiet", *small])
    assert done.exit_code == 0, done.output
    assert "my-own" in done.output


def test_a_reader_of_ones_own_may_take_the_place_of_the_one_that_is_written(layout, rated_names):
    import json

    listed = {name: {"mos": score, "scene": name[0]} for name, score in rated_names.items()}
    Path("pictures/mos.json").write_text(json.dumps(listed))
    text = Path("my_own.py").read_text()
    body = text.index("    for path in sorted(")
    own = (
        "    import json\n"
        "    for name, about in json.loads((folder / 'mos.json').read_text()).items():\n"
        "        yield {'picture': name, 'score': about['mos'], 'reference': about['scene']}\n\n\n"
    )
    Path("my_own.py").write_text(text[:body] + own + text[text.index("class Settings") :])
    rows = layout().table.remove_columns("image").to_list()
    assert {row["sample_id"]: row["score_raw"] for row in rows} == rated_names
    assert all(row["reference"] == row["sample_id"][0] for row in rows)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("beach.png", "no score in the name of pictures/beach.png, such as beach_3.72.png"),
        ("img_004.png", "no score in the name of pictures/img_004.png"),
        ("beach_5.20.png", "score 5.2 of pictures/beach_5.20.png is not on the scale (1, 5)"),
    ],
)
def test_a_picture_that_cannot_be_read_names_the_line_to_change(layout, name, fault):
    from cliqa.errors import DataError

    next(Path("pictures").iterdir()).rename(Path("pictures") / name)
    lines = Path("my_own.py").read_text().splitlines()
    line = 1 + next(n for n, text in enumerate(lines) if text.startswith("def read"))
    with pytest.raises(DataError) as raised:
        layout()
    assert fault in str(raised.value)
    assert f"see `read` in my_own.py, line {line}" in str(raised.value)


def test_a_folder_without_pictures_is_said_by_the_written_reader(layout):
    from cliqa.errors import DataError

    with pytest.raises(DataError, match="no picture in the folder nowhere"):
        layout("nowhere")
