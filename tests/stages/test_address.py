"""Whatever a stage depends on is in its address, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cliqa.run.prepare import prepare
from cliqa.stages import stage_addresses
from cliqa.stages.settings import address_of

NAMES = ("torch", "timm", "numpy", "scipy", "pillow")

#: A method in a file of one's own.
OWN = """
from cliqa import Component, hookimpl


@hookimpl
def cliqa_strategies():
    return [Component(name="mine", factory=make)]


def make(config):
    from cliqa.training import Strategy

    return Strategy(config)
"""


def addresses(prepared, number=0):
    return [at.address for at in stage_addresses(prepared, prepared.methods[number])]


@pytest.fixture
def of(small, built):
    """The addresses of a run's stages."""

    def find(*args, **changes):
        return addresses(prepare(small(*args, **changes), built))

    return find


@pytest.fixture
def changed(small, built):
    """The addresses before and after something of a run that is ready was changed."""

    def find(change, strategy="er"):
        prepared = prepare(small(strategy), built)
        return addresses(prepared), addresses(change(prepared))

    return find


def disjoint(before, after):
    return not set(before) & set(after)


@pytest.mark.parametrize(
    "override",
    [
        "train.epochs=3",
        "train.warmup_epochs=0",
        "train.lr=0.002",
        "train.batch_size=8",
        "train.weight_decay=0.1",
        "train.crop=40",
        "train.flip=false",
        "train.pairs=list",
        "train.select=last",
        "train.norm_statistics=frozen",
        "train.precision=bf16",
        "evaluate.crop=40",
        "evaluate.batch_size=7",
        "stream.split.protocol=60/20/20",
        "strict=false",
        "seed=1",
        "strategy.memory=9",
        "strategy.weight=2",
        "backbone=bare",
        "objective.link=plain",
    ],
)
def test_a_changed_value_of_the_configuration_changes_the_address(override, of):
    strategy = {"name": "er"}
    assert disjoint(of(strategy), of(strategy, "lb", override))


@pytest.mark.parametrize(
    "override",
    [
        "train.workers=3",
        "cache.memory_gb=0",
        "cache.folder=off",
        "resume.minutes=0",
        "description=other words",
        "gates=[uniform]",
        "metrics=[mSRCC]",
        "evaluate.scorer=reference",
        "evaluate.precision=bf16",
        "strategy.as=another-name",
        "device=cpu",
    ],
)
def test_what_no_number_of_a_training_depends_on_is_no_part_of_it(override, of):
    strategy = {"name": "er"}
    assert of(strategy) == of(strategy, "lb", override)


def test_the_precision_that_was_chosen_counts_not_the_word(of, monkeypatch):
    exact = of()
    monkeypatch.setattr("cliqa.run.prepare.choose_precision", lambda word, device: "float32")
    assert of("tsn-iqa", "lb", "train.precision=auto") == exact
    monkeypatch.setattr("cliqa.run.prepare.choose_precision", lambda word, device: "bf16")
    assert disjoint(of("tsn-iqa", "lb", "train.precision=auto"), exact)


def test_other_data_under_the_same_name_changes_the_stages_that_saw_it(changed):
    def second(prepared):
        first, other = prepared.stream.tasks
        tasks = (first, replace(other, fingerprint="0" * 64))
        return replace(prepared, stream=replace(prepared.stream, tasks=tasks))

    before, after = changed(second)
    assert before[0] == after[0]
    assert before[1] != after[1]


@pytest.mark.parametrize("part", ["train", "val"])
def test_other_images_in_a_part_change_the_address(part, changed):
    def fewer(prepared):
        task, other = prepared.stream.tasks
        split = replace(task.split, **{part: getattr(task.split, part)[:-1]})
        tasks = (replace(task, split=split), other)
        return replace(prepared, stream=replace(prepared.stream, tasks=tasks))

    assert disjoint(*changed(fewer))


def test_test_images_do_not_count(changed):
    def fewer(prepared):
        task, other = prepared.stream.tasks
        split = replace(task.split, test=task.split.test[:-1])
        tasks = (replace(task, split=split), other)
        return replace(prepared, stream=replace(prepared.stream, tasks=tasks))

    before, after = changed(fewer)
    assert before == after


def test_other_weights_of_the_same_backbone_change_the_address(changed):
    def moved(prepared):
        with torch.no_grad():
            next(prepared.backbone.parameters())[0] += 1e-6
        return prepared

    assert disjoint(*changed(moved))


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("strategy", {"version": "9"}),
        ("strategy", {"distribution": "other"}),
        ("objective", {"version": "9"}),
        ("backbone", {"sha256": "ab"}),
    ],
)
def test_another_version_of_a_component_changes_the_address(field, what, changed):
    def newer(prepared):
        resolved = getattr(prepared.config, field)
        owner = replace(resolved.registered.owner, **what)
        other = replace(resolved, registered=replace(resolved.registered, owner=owner))
        methods = prepared.methods
        if field == "strategy":
            methods = (replace(methods[0], resolved=other),)
        config = replace(prepared.config, **{field: other})
        return replace(prepared, config=config, methods=methods)

    assert disjoint(*changed(newer))


def test_an_edited_source_under_the_same_version_changes_the_address(changed, monkeypatch):
    def edited(prepared):
        monkeypatch.setattr("cliqa.stages.code._package", lambda name: f"edited {name}")
        return prepared

    assert disjoint(*changed(edited))


def test_an_edited_core_changes_the_address(changed, monkeypatch):
    def edited(prepared):
        monkeypatch.setattr("cliqa.stages.settings.core_code", lambda: "edited")
        return prepared

    assert disjoint(*changed(edited))


def test_an_edited_local_plugin_file_changes_the_address(of, tmp_path):
    file, plugins = tmp_path / "mine.py", ["./tiny_plugin.py", "./mine.py"]
    file.write_text(OWN)
    before = of("mine", plugins=plugins)
    assert before == of("mine", plugins=plugins)
    file.write_text(OWN + "\n# one more line\n")
    assert disjoint(before, of("mine", plugins=plugins))


def test_threads_and_libraries_count(changed, monkeypatch):
    def more(prepared):
        monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
        return prepared

    assert disjoint(*changed(more))

    def newer(prepared):
        monkeypatch.setattr("cliqa.stages.address.libraries", lambda: dict.fromkeys(NAMES, "9"))
        return prepared

    assert disjoint(*changed(newer))


def test_a_chain_depends_on_all_before_and_an_independent_task_on_nothing(of):
    assert disjoint(of("er", "lb"), of("er", "bl"))
    assert of("er", "lbk")[:2] == of("er", "lb")
    assert of("sl", "lb") == of("sl", "bl")[::-1]


def test_an_address_is_the_same_in_every_process():
    assert address_of({"b": [1, 2.5, None], "a": "ü"}) == address_of(
        {"a": "ü", "b": [1, 2.5, None]}
    )
    assert address_of({"a": 1}) == (
        "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    )
