"""LIQA's presets and recipes: the paper's orders, protocol and tables."""

import pytest
import yaml

from cliqa.registry import Registry

REGISTRY = Registry.discover(third_party=False)
#: KADID-10k's types 01 to 25, as LIQA's paper and as the dataset call them.
SHORT = "GB LB MB CD CS CQ CSA1 CSA2 JP2K JPEG WN WNCC IN MN DN BR DA MS JIT NEP PIX Q CB HS CC"
BASE = "CQ JPEG CSA1 WNCC Q JIT IN"
INNER = {
    "liqa-1": "JP2K CSA2 PIX WN CB GB DA CC BR NEP MS MB MN LB DN HS CD CS",
    "liqa-2": "PIX MS CD CS HS MB CSA2 WN DN BR NEP MN CB DA CC LB GB JP2K",
    "liqa-3": "MB DA CD MN JP2K GB CC BR HS DN NEP CS CB MS LB PIX WN CSA2",
    "liqa-4": "CD CC HS DN BR CSA2 LB MS JP2K CB GB DA MB CS NEP WN MN PIX",
    "liqa-5": "WN CSA2 DA NEP MN LB PIX GB CS CD JP2K CB DN HS BR MB CC MS",
}
CROSS = {
    "liqa-1": "CSIQ BID CLIVE KonIQ KADID",
    "liqa-2": "CLIVE CSIQ KADID BID KonIQ",
    "liqa-3": "KADID BID CSIQ KonIQ CLIVE",
    "liqa-4": "KonIQ KADID CLIVE CSIQ BID",
    "liqa-5": "CSIQ BID KADID CLIVE KonIQ",
}
SETS = {"KonIQ": "koniq-10k", "KADID": "kadid-10k"}
#: KADID-10k's types that the embedded set has not.
ABSENT = {"denoise", "non_eccentricity_patch", "color_block"}
TABLES = (
    "inner", "inner-orders", "inner-delta", "cross", "cross-orders", "ablation", "sampling",
    "buffer", "seeds", "and-tsn",
)  # fmt: skip


def preset(name):
    return yaml.safe_load(REGISTRY.get("preset", name).file().read_text())


def text_of(name):
    return yaml.safe_load(REGISTRY.get("recipe", name).file().read_text())


def types():
    from cliqa_iqa.kadid import TYPES

    return TYPES


@pytest.mark.parametrize("order", INNER)
def test_the_inner_orders_are_the_papers_and_hold_every_type_once(order):
    long = dict(zip(SHORT.split(), types(), strict=True))
    written = preset("liqa-inner-stream")["stream"]["orders"][order]
    assert written == [long[short] for short in f"{BASE} {INNER[order]}".split()]
    assert sorted(written) == sorted(types())


@pytest.mark.parametrize("order", INNER)
def test_the_embedded_orders_are_the_same_without_the_types_that_do_not_exist(order):
    from cliqa_embedded.distortions import DISTORTIONS

    whole = preset("liqa-inner-stream")["stream"]["orders"][order]
    written = preset("liqa-embedded-quick")["stream"]["orders"][order]
    assert written == [name for name in whole if name not in ABSENT]
    assert sorted(written) == sorted(DISTORTIONS)


@pytest.mark.parametrize("order", CROSS)
def test_the_cross_orders_are_the_papers_on_the_sets_and_on_their_embedded_likenesses(order):
    short = f"LIVE {CROSS[order]}".split()
    real, small = (
        preset(name)["stream"]["orders"][order]
        for name in ("liqa-cross-stream", "liqa-embedded-cross")
    )
    assert real == [SETS.get(name, name.lower()) for name in short]
    assert small == [f"{name.lower()}-like" for name in short]


@pytest.mark.parametrize("name", ["liqa-inner-stream", "liqa-cross-stream"])
def test_a_stream_names_five_orders_and_begins_with_the_first(name):
    stream = preset(name)["stream"]
    assert list(stream["orders"]) == list(INNER)
    assert stream["order"] == "liqa-1"
    assert stream["split"] == {"protocol": "80/10/10", "by": "reference"}


def test_seven_types_are_learned_at_first_and_the_grid_goes_on_by_one_two_and_six():
    assert preset("liqa-inner-stream")["stream"]["stages"] == [7, 1]
    for form in ("", "-quick"):
        points = text_of(f"liqa-inner-delta{form}")["grid"]["delta"]
        assert points == {f"by-{n}": {"stream.stages": [7, n]} for n in (1, 2, 6)}


def test_the_protocol_is_the_papers():
    protocol = preset("liqa-paper")
    train = protocol["train"]
    assert (train["epochs"], train["select"], train["select_after"]) == (70, "best", 15)
    assert (train["batch_size"], train["lr"], train["crop"]) == (48, "1e-4", 300)
    assert float(train["lr"]) * train["later_backbone_lr_factor"] == pytest.approx(1e-6)
    assert train["warmup_epochs"] == 0
    assert protocol["evaluate"]["crop"] == 300
    assert protocol["objective"] == "squared-error"
    assert protocol["metrics"][:4] == ["C-bar", "F-bar", "C", "F"]


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_a_recipe_and_a_small_one_of_the_same_kind(table):
    full, quick = text_of(f"liqa-{table}"), text_of(f"liqa-{table}-quick")
    assert ("grid" in full) == ("grid" in quick)
    assert "Pseudo-MOS: no human rated these images." in quick["description"]
    if "grid" in full:
        assert list(full["grid"]) == list(quick["grid"])


def test_the_methods_of_both_sizes_have_the_same_names_and_weights():
    def told(name):
        refs = [preset(name)["strategy"], *preset(name)["compare"]]
        refs = [{"name": ref} if isinstance(ref, str) else ref for ref in refs]
        shortened = {"gan_epochs", "gan_batch_size", "gan_lr", "copies", "head_epochs", "gan_width"}
        shortened |= {"gradient_penalty", "quality"}
        skipped = shortened | {"generator_epochs", "generator_lr", "replay_size"}
        return [{k: v for k, v in ref.items() if k not in skipped} for ref in refs]

    assert told("liqa-methods") == told("liqa-methods-quick")


def test_the_joint_table_differs_between_families_in_nothing_but_what_is_documented():
    for name in ("liqa-and-tsn", "liqa-and-tsn-quick"):
        families = text_of(name)["grid"]["family"]
        assert list(families) == ["liqa", "tsn-iqa", "tsn-iqa-scores"]
        keys = {key for points in families.values() for key in points}
        methods = {"strategy", "compare", "gates", "objective"}
        rates = {"train.lr", "train.later_backbone_lr_factor", "train.head_lr_factor"}
        assert keys - methods <= rates
        labels = [
            ref if isinstance(ref, str) else ref.get("as", ref["name"])
            for points in families.values()
            for ref in (points["strategy"], *points["compare"])
        ]
        assert len(labels) == len(set(labels))
