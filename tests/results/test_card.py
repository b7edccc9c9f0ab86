"""What the Hub reads of a result, read back by the Hub's own client."""

import pytest
import yaml

from cliqa.errors import ResultError
from cliqa.results import load_bundle
from cliqa.results.card import (
    HubDataset,
    Result,
    default_gate,
    eval_result_files,
    front_matter,
    model_card,
)

hub = pytest.importorskip("huggingface_hub")
EVIL = "x\n---\n# <script>alert(1)</script>"
HUB = {"live": HubDataset("owner/live", "quality", "abc123"), "bid": HubDataset("owner/bid")}


@pytest.fixture
def result_of(tmp_path, write_bundle):
    def make(gate="kmeans", known=None, **differences):
        data = {
            t: {
                "dataset": "csiq-set",  # parts of one set
                "fingerprint": f"f{t}",
                "test": 9,
                "split": {"source": "70/10/20", "by": "reference", "seed": 0},
                "pseudo_scores": t == "bid",
            }
            for t in ("live", "csiq", "bid")
        }
        more = {"data": data, "run_id": "r", "finished": "2026-01-02T03:04:05+00:00"}
        extra = more | differences.pop("extra", {})
        bundle = load_bundle(write_bundle(tmp_path / "run", extra=extra, **differences))
        source = ("https://example.org/board", "a board")
        return Result(bundle.run, bundle.metrics, gate, known or {}, *source)

    return make


def test_the_card_s_results_are_those_of_the_run_as_the_hub_s_client_reads_them(result_of):
    result = result_of(known=HUB)
    card = hub.ModelCard(model_card(result, "recomputed"))
    found = {(r.dataset_name, r.metric_type): r for r in card.data.eval_results}
    last = dict(zip(result.metrics["tasks"], result.entry["srcc"][-1], strict=True))
    for name, shown in (("live", "live"), ("csiq", "csiq"), ("bid", "bid (pseudo-MOS)")):
        assert found[shown, "spearmanr"].metric_value == pytest.approx(last[name], abs=1e-6)
    assert found["live", "spearmanr"].dataset_type == "owner/live"
    assert found["live", "spearmanr"].dataset_revision == "abc123"
    assert found["csiq", "spearmanr"].dataset_type == "csiq-set"
    assert found["csiq", "spearmanr"].source_url == "https://example.org/board"
    stream = next(r for r in card.data.eval_results if r.metric_type == "mPSI")
    assert stream.metric_value == pytest.approx(result.entry["mPSI"], abs=1e-6)
    assert card.data.library_name == "cliqa"
    assert card.data.datasets == ["owner/live", "owner/bid"]


def test_the_front_matter_survives_the_way_through_the_hub_s_client(result_of):
    written = front_matter(result_of(known=HUB))
    name, results = hub.repocard_data.model_index_to_eval_results(written["model-index"])
    again = hub.repocard_data.eval_results_to_model_index(name, results)
    names = [entry["dataset"]["name"] for entry in written["model-index"][0]["results"]]
    assert [entry["dataset"]["name"] for entry in again[0]["results"]] == names
    count = sum(len(entry["metrics"]) for entry in written["model-index"][0]["results"])
    assert sum(len(entry["metrics"]) for entry in again[0]["results"]) == count == len(results)


def test_eval_results_are_of_the_hub_s_form_one_file_a_set_that_is_on_the_hub(result_of):
    result = result_of(known=HUB)
    files = eval_result_files(result)
    assert sorted(files) == [".eval_results/bid.yaml", ".eval_results/live.yaml"]
    (entry,) = hub.parse_eval_result_entries(yaml.safe_load(files[".eval_results/live.yaml"]))
    assert (entry.dataset_id, entry.task_id) == ("owner/live", "quality")
    assert entry.dataset_revision == "abc123"
    assert entry.value == pytest.approx(result.last["live"], abs=1e-6)
    assert (entry.source_url, entry.source_name) == ("https://example.org/board", "a board")
    assert "gate kmeans" in entry.notes
    assert hub.eval_result_entries_to_yaml([entry]) == yaml.safe_load(
        files[".eval_results/live.yaml"]
    )


def test_an_undefined_value_is_left_out_and_named(result_of):
    result = result_of(silent="kmeans")
    assert all(value is None for value in result.last.values())
    assert front_matter(result)["model-index"][0]["results"] == []
    assert eval_result_files(result_of_hub(result)) == {}
    assert "Undefined in this run: mPI, mPSI" in model_card(result, "recomputed")


def result_of_hub(result):
    return Result(result.record, result.metrics, result.gate, HUB)


def test_text_of_a_run_cannot_break_out_of_the_front_matter(result_of):
    card = model_card(result_of(strategy={"name": EVIL}, method="m", order=EVIL), "recomputed")
    before, front, *text = card.split("\n---")
    assert before.startswith("---\n")
    assert text == []
    assert yaml.safe_load(before[4:])["tags"][-1] == "x --- # <script>alert(1)</script>"
    assert "<script>" not in front.replace("\\<script>", "")
    assert hub.ModelCard(card).data.library_name == "cliqa"


@pytest.mark.parametrize("text", ["", "name", "a/b/c", "a/b@", "a/b#", "../b", "a b/c"])
def test_what_names_no_dataset_of_the_hub_is_refused(text):
    with pytest.raises(ResultError, match="OWNER/NAME"):
        HubDataset.parse(text)


def test_the_gate_is_one_of_the_run_s_and_by_default_not_told_the_task(result_of):
    result = result_of()
    record = result.record
    assert default_gate(record) == "kmeans"
    assert default_gate({"gates": {"o": {"uses_task_id": True}, "n": {}}}) == "n"
    with pytest.raises(ResultError, match="kmeans, uniform, oracle"):
        Result(record, result.metrics, "nobody", {})
    with pytest.raises(ResultError, match="no test set 'tid'"):
        Result(record, result.metrics, "kmeans", {"tid": HubDataset("a/b")})
