"""The page: self-contained, escaped, and with the numbers of the bundles."""

import re
from html.parser import HTMLParser

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from cliqa.report import Context, build_report, find_runs, to_csv, to_html, to_markdown
from cliqa.report.blocks import tables_of
from cliqa.report.colors import heat, ink, luminance
from cliqa.report.parts_examples import median_images

DIRECTIONS = dict.fromkeys(("mSRCC", "mPI", "mSI", "mPSI"), True)
EVIL = "<script>alert(1)</script>"


def report_of(*folders, **context):
    return build_report(find_runs(folders), Context(higher_is_better=DIRECTIONS, **context))


def tables(report, key):
    parts = [p for s in report.sections for p in s.parts if p.key == key]
    return [t for p in parts for t in tables_of(p.blocks)]


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


class Reader(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self):
        super().__init__()
        self.tags, self.words, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "br", "link", "line", "rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    assert not reader.open
    return reader


def test_the_page_asks_the_network_for_nothing(three):
    reader = read(to_html(report_of(three)))
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in reader.tags}
    for _, attributes in reader.tags:
        assert not [k for k in attributes if k.startswith("on")]
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "#").startswith("#")
    style = "".join(reader.words)
    assert "@import" not in style
    assert "url(" not in style


def test_every_link_of_the_contents_leads_to_a_part(three):
    reader = read(to_html(report_of(three)))
    ids = {a["id"] for _, a in reader.tags if "id" in a}
    targets = {a["href"][1:] for tag, a in reader.tags if tag == "a"}
    assert targets <= ids
    assert len(targets) > 8


def test_text_of_a_run_is_never_markup(make_run):
    folder = make_run(
        "a",
        method=EVIL,
        strategy={"name": EVIL},
        order="custom",
        gates={"kmeans": False, EVIL: False, "oracle": True},
        train={EVIL: EVIL},
        extra={"description": EVIL, "device": EVIL, "environment": {"cliqa": EVIL}},
    )
    report = report_of(folder)
    reader = read(to_html(report))
    assert "script" not in {tag for tag, _ in reader.tags}
    assert EVIL in "".join(reader.words)
    assert "<script" not in to_markdown(report).replace("\\<script", "")


def test_the_summary_has_the_means_of_metrics_json_and_marks_the_best_usable_row(three):
    report = report_of(three)
    (table,) = tables(report, "summary")
    assert table.header == ("method", "gate", "mSRCC", "mPI", "mSI", "mPSI", "n")
    runs = [r for r in find_runs([three]).runs if r.method == "tsn-iqa"]
    values = [r.bundle.metrics["gates"]["kmeans"]["mPSI"] for r in runs]
    row = next(r for r in table.rows if (r[0].text, r[1].text) == ("tsn-iqa", "kmeans"))
    assert row[5].text == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    assert row[6].text == "3"
    for column in range(2, 6):
        bold = [r for r in table.rows if r[column].best]
        usable = [r for r in table.rows if r[1].text != "oracle" and r[0].text != "jl"]
        top = max(float(r[column].text.split()[0]) for r in usable)
        assert bold == [r for r in usable if float(r[column].text.split()[0]) == top]


def test_joint_learning_has_an_empty_cell_with_its_reason(three):
    (table,) = tables(report_of(three), "summary")
    row = next(r for r in table.rows if r[0].text == "jl")
    assert row[3].text == "–"
    assert row[3].note == "learned all tasks at once, so there is no model after each of them"


def test_the_matrices_are_those_of_metrics_json(make_run):
    folder = make_run("a")
    report = report_of(folder)
    found = next(t for t in tables(report, "matrices") if "kmeans" in t.title)
    predictions = pq.ParquetFile(folder / "predictions.parquet").read().to_pylist()
    quality = {
        r["sample_id"]: r["quality"]
        for r in pq.ParquetFile(folder / "labels.parquet").read().to_pylist()
    }
    for t, row in enumerate(found.rows, start=1):
        for name, cell in zip(found.header[1:], row[1:], strict=True):
            rows = [
                r for r in predictions if (r["gate"], r["step"], r["task"]) == ("kmeans", t, name)
            ]
            expected = stats.spearmanr(
                [r["score"] for r in rows], [quality[r["sample_id"]] for r in rows]
            ).statistic
            assert float(cell.text) == pytest.approx(expected, abs=0.0005001)


def test_lengths_are_running_means_of_psi(three):
    report = report_of(three)
    (psi,) = tables(report, "psi")
    (lengths,) = tables(report, "lengths")
    values = {(r[0], r[1]): [float(c.split()[0]) for c in r[2:]] for r in texts(psi)}
    for method, gate, _, *cells in texts(lengths):
        means = [float(c.split()[0]) for c in cells]
        expected = [np.mean(values[method, gate][: n + 1]) for n in range(3)]
        assert means[:3] == pytest.approx(expected, abs=0.0011)
        assert means[3] == pytest.approx(np.mean(means[:3]), abs=0.0011)


def test_orders_stand_beside_each_other_with_their_spread(make_run):
    a, b = make_run("a"), make_run("b", tasks=("bid", "csiq", "live"), order="V")
    report = report_of(a, b)
    table = next(t for t in tables(report, "orders") if t.title == "mSRCC by order")
    assert table.header[2:4] == ("order I", "order V")
    for *_, first, second, spread in texts(table):
        assert float(spread) == pytest.approx(abs(float(first) - float(second)), abs=0.0011)


def test_mean_weights_are_shown_for_gates_that_weight_images_and_add_up_to_one(three):
    report = report_of(three)
    found = tables(report, "weights")
    assert {t.title for t in found} == {
        "Mean head weights: kmeans, of tsn-iqa",
        "Mean head weights: kmeans, of sl",
    }
    for table in found:
        assert [r[0] for r in texts(table)] == ["live", "csiq", "bid", "tid"]
        for row in texts(table):
            assert sum(float(c.split()[0]) for c in row[1:]) == pytest.approx(1, abs=0.002)


def test_sets_that_were_not_learned_have_a_table(three):
    (table,) = tables(report_of(three), "cross")
    runs = [r for r in find_runs([three]).runs if r.method == "sl"]
    values = [r.bundle.metrics["gates"]["kmeans"]["evaluate_only"]["tid"] for r in runs]
    row = next(r for r in texts(table) if r[:2] == ["sl", "kmeans"])
    assert row[3] == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def test_every_seed_is_listed(three):
    (table,) = tables(report_of(three), "seeds")
    assert len(table.rows) == 2 * 3 * 3


def test_the_default_example_has_the_lower_median_weight_on_its_own_head(make_run):
    run = find_runs([make_run("a")]).runs[0]
    rows = run.bundle.weights.to_pylist()
    for number, (task, sample) in enumerate(median_images(run, "kmeans"), start=1):
        own = {
            r["sample_id"]: r["weight"]
            for r in rows
            if (r["step"], r["gate"], r["task"], r["head"]) == (3, "kmeans", task, number)
        }
        assert sorted(own, key=own.get)[(len(own) - 1) // 2] == sample


def test_named_images_are_shown_with_their_pictures_or_the_reason(make_run):
    folder = make_run("a")

    def pictures(run, samples):
        return {samples[0]: "data:image/jpeg;base64,AAAA"}, "bid: not here"

    report = report_of(folder, pictures=pictures, images=("csiq-03", "bid-01"))
    reader = read(to_html(report))
    assert [a["src"] for tag, a in reader.tags if tag == "img"] == ["data:image/jpeg;base64,AAAA"]
    words = "".join(reader.words)
    assert "csiq-03" in words
    assert "bid-01" in words
    assert "Without pictures: bid: not here" in words


def test_cost_is_taken_from_the_cost_entry_and_empty_where_absent(make_run):
    cost = {
        "parameters": {"backbone": 2000, "per_task": [10, 20]},
        "macs_per_image": {"backbone": 1.5e9},
        "held_bytes": {"final": 2_500_000, "peak": 4_000_000},
        "bytes_per_task": [40, 80],
        "exemplar_images": 7,
        "trained_images": 900,
        "train_seconds": 12.0,
        "train_cpu_seconds": 20.0,
        "gates": {
            "kmeans": {
                "forwards_per_image": 4.0,
                "macs_per_image": 6.25e9,
                "values": 77,
                "network_values": 5,
            }
        },
    }
    a, b = make_run("a", extra={"cost": cost}), make_run("b", method="sl")
    methods, gates = tables(report_of(a, b), "cost")
    rows = {r[0]: dict(zip(methods.header, r, strict=True)) for r in texts(methods)}
    assert rows["tsn-iqa"]["backbone parameters"] == "2,000"
    assert rows["tsn-iqa"]["own values of a head"] == "10 to 20"
    assert rows["tsn-iqa"]["bytes of a head"] == "40 to 80"
    assert rows["tsn-iqa"]["exemplar images"] == "7"
    assert rows["tsn-iqa"]["held after the last task, MB"] == "2.50"
    assert rows["tsn-iqa"]["images trained on"] == "900"
    assert rows["tsn-iqa"]["MACs an image: backbone, G"] == "1.500"
    assert rows["sl"]["backbone parameters"] == "1,000"
    assert rows["sl"]["own parameters of a head"] == "10"
    assert rows["sl"]["training, s"] == "4"
    assert rows["sl"]["held after the last task, MB"] == ""
    assert ["tsn-iqa", "kmeans", "4.0", "6.250", "77", "5"] in texts(gates)


def test_the_analyses_name_the_layer_of_the_record(make_run):
    report = report_of(make_run("a", extra={"last_normalization": "bn"}))
    kl, inter, agreement = tables(report, "analyses")
    assert kl.title == "KL divergence at bn: tsn-iqa"
    values = np.array([[float(c) for c in r[1:]] for r in texts(kl)])
    accuracy = np.array([[float(c) for c in r[1:]] for r in texts(inter)])
    assert values.diagonal() == pytest.approx(0)
    expected = stats.spearmanr(values.ravel(), accuracy.ravel()).statistic
    assert float(agreement.rows[0][1].text) == pytest.approx(expected, abs=0.002)


def test_runs_that_must_not_be_compared_stand_in_sections_that_say_so(make_run):
    report = report_of(make_run("a"), make_run("b", fingerprint="other"))
    assert len(report.sections) == 2
    assert "must not be compared" in report.notes[0]
    ids = re.findall(r'id="([^"]+)"', to_html(report))
    assert len(ids) == len(set(ids))


def test_warnings_stand_at_the_head_of_a_section(make_run):
    report = report_of(make_run("a", extra={"pseudo_scores": True}))
    first, second, *_ = report.sections[0].warnings
    assert first.startswith("The qualities of live, csiq and bid are pseudo-MOS: computed")
    assert "users cannot tell: oracle" in second


def test_markdown_and_csv_hold_the_same_tables(three):
    report = report_of(three)
    markdown, files = to_markdown(report), to_csv(report)
    (summary,) = tables(report, "summary")
    assert files["section-1-summary-1.csv"].splitlines()[0] == ",".join(summary.header)
    assert len(files["section-1-summary-1.csv"].splitlines()) == len(summary.rows) + 1
    for row in summary.rows:
        for cell in row:
            assert cell.text in markdown
    listed = [line.split(",")[0] for line in files["index.csv"].splitlines()[1:]]
    assert {*listed, "index.csv"} == set(files)


@pytest.mark.parametrize("value", np.linspace(-1, 1, 21))
def test_text_on_a_heat_map_is_readable(value):
    color = heat(value)
    lights = sorted((luminance(color), luminance(ink(color))))
    assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5


def test_a_page_of_three_seeds_is_small(three):
    assert len(to_html(report_of(three))) < 400_000


def test_every_task_after_the_last_stage_is_the_last_row_of_the_matrix_and_its_mean(three):
    report = report_of(three)
    (table,) = tables(report, "tasks")
    assert table.header == ("method", "gate", "live", "csiq", "bid", "mean")
    runs = [r for r in find_runs([three]).runs if r.method == "sl"]
    final = np.array([r.bundle.metrics["gates"]["kmeans"]["srcc"][-1] for r in runs])
    row = next(r for r in texts(table) if r[:2] == ["sl", "kmeans"])
    assert [float(c.split()[0]) for c in row[2:5]] == pytest.approx(final.mean(axis=0), abs=5.1e-4)
    assert float(row[5].split()[0]) == pytest.approx(final.mean(), abs=5.1e-4)
    assert row[5].endswith(f"± {final.mean(axis=1).std(ddof=1):.3f}")


def test_many_tasks_go_down_the_table_with_the_same_cells(three, monkeypatch):
    (across,) = tables(report_of(three), "tasks")
    monkeypatch.setattr("cliqa.report.parts_tasks._MOST_COLUMNS", 2)
    (down,) = tables(report_of(three), "tasks")
    names = [f"{method.text} · {gate.text}" for method, gate, *_ in across.rows]
    single = [name.replace("jl · newest", "jl") for name in names]  # the only gate of its method
    assert down.header == ("task", *single)
    assert [row[0] for row in texts(down)] == ["live", "csiq", "bid", "mean"]
    turned = [list(column) for column in zip(*(row[1:] for row in down.rows), strict=True)]
    assert turned == [list(row[2:]) for row in across.rows]


def test_the_best_of_a_task_is_a_method_that_could_be_used(three):
    (table,) = tables(report_of(three), "tasks")
    for column in range(2, 6):
        usable = [r for r in table.rows if r[1].text != "oracle" and r[0].text != "jl"]
        top = max(float(r[column].text.split()[0]) for r in usable)
        best = [r for r in table.rows if r[column].best]
        assert best == [r for r in usable if float(r[column].text.split()[0]) == top]


def test_each_order_has_its_own_table_of_tasks(make_run):
    a, b = make_run("a"), make_run("b", tasks=("bid", "csiq", "live"), order="V")
    first, second = tables(report_of(a, b), "tasks")
    assert first.title.endswith("order I")
    assert second.header == ("method", "gate", "bid", "csiq", "live", "mean")
