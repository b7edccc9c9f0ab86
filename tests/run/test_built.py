"""Datasets that several runs share."""

from __future__ import annotations

from cliqa.run import BuiltDatasets


def test_a_dataset_is_built_once_under_any_label_and_anew_with_other_settings(tiny_config, resolve):
    built = BuiltDatasets()
    first = resolve(tiny_config).tasks[0]
    other = resolve(tiny_config, "stream.tasks.0.as=other").tasks[0]
    larger = resolve(tiny_config, "stream.tasks.0.images=50").tasks[0]
    assert built.get(first) is built.get(other)
    assert built.get(first) is not built.get(larger)


def test_images_are_decoded_by_one_reader(tiny_config, resolve):
    built = BuiltDatasets().get(resolve(tiny_config).tasks[0])
    assert built.reader.read(3) is built.reader.read(3)
    assert not built.reader.read(3).flags.writeable


def test_what_the_next_run_does_not_name_is_let_go(tiny_config, resolve):
    built = BuiltDatasets()
    first, second, _ = resolve(tiny_config).tasks
    kept = built.get(first), built.get(second)
    built.only([second])
    assert built.get(second) is kept[1]
    assert built.get(first) is not kept[0]
