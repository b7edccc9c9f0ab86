"""The shipped recipes and presets: each is complete, and each table has both its forms."""

from importlib.resources import files

import pytest
import yaml

from cliqa.config import load_config
from cliqa.registry import Registry
from cliqa.sweep import plan_stages, plan_sweep

REGISTRY = Registry.discover(third_party=False)
NAMES = [found.name for found in REGISTRY.components("recipe")]
TABLES = {
    "main",
    "orders",
    "design",
    "backbones",
    "similarity",
    "unseen",
    "complexity",
    "seeds",
    "grid",
}


def configurations(name):
    """The run of a recipe, or the runs of a grid."""
    text = yaml.safe_load(REGISTRY.get("recipe", name).file().read_text())
    if "grid" in text:
        plan = plan_sweep(name, registry_factory=lambda _: REGISTRY)
        return [cell.config for cell in plan.cells]
    return [load_config(name, registry_factory=lambda _: REGISTRY)]


def preset(name):
    return yaml.safe_load(REGISTRY.get("preset", name).file().read_text())


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_names_only_what_exists(name):
    assert configurations(name)
    assert yaml.safe_load(REGISTRY.get("recipe", name).file().read_text())["description"]


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_table_has_a_recipe_on_the_six_sets_and_a_small_one_that_needs_nothing(table):
    six = ["live", "csiq", "bid", "clive", "koniq-10k", "kadid-10k"]
    for config in configurations(f"tsn-iqa-{table}"):
        assert [task.name for task in config.tasks] == six
        assert config.run.train.pairs == "list"
        assert config.run.evaluate.shrink is None
    for config in configurations(f"tsn-iqa-{table}-quick"):
        sets = (*config.tasks, *config.evaluate_only)
        assert {task.name for task in sets} == {"embedded"}
        words = [g.config.normalization for g in config.gates if hasattr(g.config, "normalization")]
        shipped = {w.name for w in REGISTRY.components("weights")} | {"pretrained", None}
        assert set(words) <= shipped


def test_the_folder_of_recipes_holds_nothing_that_no_name_leads_to():
    for folder, kind in (("recipes", "recipe"), ("presets", "preset")):
        names = {c.name for c in REGISTRY.components(kind) if c.owner.module == "cliqa_recipes"}
        there = {f.name.removesuffix(".yaml") for f in (files("cliqa_recipes") / folder).iterdir()}
        assert there == names


def test_the_two_protocols_differ_in_what_the_documentation_says():
    paper, code = preset("paper"), preset("released-code")
    differing = {
        f"{section}.{key}"
        for section in paper
        for key in {*paper[section], *code[section]}
        if paper[section].get(key) != code[section].get(key)
    }
    assert differing == {
        "objective.label", "objective.link", "train.pair_list_size", "train.warmup_epochs",
        "train.warmup_batch_size", "train.warmup_views", "train.carry_optimizer", "train.epochs",
        "train.lr_drop_epoch", "train.weight_decay", "train.norm_statistics", "evaluate.shrink",
    }  # fmt: skip


def test_the_lists_of_pairs_are_as_long_as_the_paper_and_the_released_files_say():
    paper, code = (preset(n)["train"]["pair_list_size"] for n in ("paper", "released-code"))
    assert list(paper.values()) == [7780, 8786, 11204, 24604, 139274, 140071]
    assert list(code.values()) == [7000, 8000, 10000, 20000, 95000]


@pytest.mark.parametrize("name", ["liqa-inner", "liqa-inner-quick"])
def test_the_inner_recipe_has_the_papers_eight_methods_and_the_oracle(name):
    (config,) = configurations(name)
    labels = [method.label for method in (config.strategy, *config.compare)]
    assert labels == ["liqa", "ft", "ewc", "online-ewc", "si", "lwf", "gfr", "jt"]
    assert [gate.label for gate in config.gates] == ["oracle"]
    assert config.run.stream.per == "distortion"


@pytest.mark.parametrize("name", ["liqa-and-tsn", "liqa-and-tsn-quick"])
def test_the_joint_table_holds_equal_what_it_says(name):
    cells = configurations(name)

    def equal(config):
        train = config.run.train
        rates = {"lr", "head_lr_factor", "later_backbone_lr_factor"}
        return (
            config.run.stream, config.run.evaluate, config.run.seed, config.backbone.dump(),
            [task.dump() for task in config.tasks], train.model_dump(exclude=rates),
        )  # fmt: skip

    assert all(equal(cell) == equal(cells[0]) for cell in cells[1:])


def test_the_grid_of_the_paper_needs_30_trainings_of_tsn_iqa_for_its_240_stages():
    plan = plan_sweep("tsn-iqa-grid", registry_factory=lambda _: REGISTRY)
    own = [c for c in plan.cells if c.config.strategy.name == "tsn-iqa"]
    stages = plan_stages(own)
    assert (len(own), stages.total, stages.distinct, stages.exact) == (40, 240, 30, True)
    whole = plan_stages(plan.cells)
    assert (len(plan.cells), whole.total, whole.distinct) == (320, 1720, 1175)


def test_the_small_grid_has_the_same_methods_and_orders():
    paper, quick = (
        plan_sweep(f"tsn-iqa-grid{kind}", registry_factory=lambda _: REGISTRY)
        for kind in ("", "-quick")
    )
    for one, other in zip(paper.axes[:2], quick.axes[:2], strict=True):
        assert [p.text for p in one.points] == [p.text for p in other.points]
