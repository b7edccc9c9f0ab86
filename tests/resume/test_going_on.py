"""Where a run goes on, when it cannot, and what it says then."""

from __future__ import annotations

import errno
import json
import signal
from pathlib import Path

import pytest
import torch

from cliqa.config import RunConfig
from cliqa.errors import ResultError
from cliqa.results import BundleWriter, check_sums
from cliqa.resume import Interrupted, Interrupts, ResumeStore
from cliqa.run import run
from cliqa.training import DivergedError


@pytest.fixture
def whole(two_stages, killing, built, tmp_path):
    """A run that nothing interrupted, and the number of its moments."""
    return killing.go(two_stages("lwf", minutes=5), tmp_path / "whole", datasets=built)


@pytest.fixture
def same(killing, tmp_path):
    return lambda: killing.unlike(tmp_path / "whole", tmp_path / "cut") == []


def test_killed_at_any_moment_and_gone_on_with_once(
    whole, two_stages, killing, built, tmp_path, same
):
    """A moment in every place: first and last step of a phase, its end, evaluation, the end."""
    config = two_stages("lwf")
    for at in sorted({0, 1, 2, *range(7, whole.count, 6), whole.count - 1}):
        killing.go(config, tmp_path / "cut", at, datasets=built, force=True)
        killing.go(config, tmp_path / "cut", datasets=built)
        assert same(), whole.moments[at]


@pytest.mark.parametrize("workers", [1, 2])
def test_loader_threads_change_nothing_in_a_run_that_is_killed(
    workers, whole, two_stages, killing, built, tmp_path, same
):
    """Batches that were loaded ahead when it died are loaded again; the whole run had no thread."""
    config = two_stages("lwf", f"train.workers={workers}")
    for at in (5, whole.count // 2):
        killing.go(config, tmp_path / "cut", at, datasets=built, force=True)
        killing.go(config, tmp_path / "cut", datasets=built)
        assert same(), whole.moments[at]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_where_the_run_is_even_if_no_checkpoint_was_due(
    number, whole, two_stages, killing, built, tmp_path, same
):
    config = two_stages("lwf", minutes=1000)
    found = []
    for at in (3, 9, 15, 21, 27, 32):
        interrupts = Interrupts()
        with pytest.raises(Interrupted, match=f"{number.name}; saved; the same command") as stop:
            killing.go(
                config,
                tmp_path / "cut",
                at,
                lambda stop=interrupts: stop.ask(number),
                datasets=built,
                interrupts=interrupts,
                force=True,
            )
        assert stop.value.exit_code == 128 + number
        seen = killing.go(config, tmp_path / "cut", datasets=built)
        assert same(), whole.moments[at]
        found += [place for _, _, place in seen.places]
    assert found == [
        "stage 1, phase head, epoch 1",
        "stage 1, phase joint, epoch 1",
        "after the training of stage 1",
        "stage 2, phase head, epoch 1",
        "stage 2, phase joint, epoch 2",
        "after the training of stage 2",
    ]


KILL_IN = {
    "a gate that is fitted": "cliqa_gates.kmeans.KMeansGate.fit",
    "evaluation": "cliqa.evaluation.Evaluator.evaluate",
    "the end of a stage": "cliqa_regularization.importance.MemoryAwareSynapses.measure",
    "features between phases": "cliqa.training.TaskContext.features",
    "a checkpoint that is renamed": "pathlib.Path.rename",
    "the results": "cliqa.results.BundleWriter.write_metrics",
    "the very end": "cliqa.results.BundleWriter.finish",
}


@pytest.mark.parametrize("place", KILL_IN)
def test_killed_inside(place, two_stages, killing, built, tmp_path, same, monkeypatch):
    killing.go(two_stages("mas", minutes=5), tmp_path / "whole", datasets=built)
    config = two_stages("mas")
    for turn in (0, 1):
        with monkeypatch.context() as patch:
            patch.setattr(KILL_IN[place], dying(killing, KILL_IN[place], turn))
            killing.go(config, tmp_path / "cut", datasets=built)
        if (tmp_path / "cut/SHA256SUMS").exists():
            break  # there is no second call
    else:
        killing.go(config, tmp_path / "cut", datasets=built)
    assert same()


def dying(killing, target, turn):
    """What stands there, but that a call dies half way: the first, or a later one."""
    import pkgutil

    real, calls = pkgutil.resolve_name(target.replace(".Path.", ":Path.")), []

    def die(*arguments, **options):
        calls.append(1)
        if len(calls) > turn:
            raise killing.Killed(target)
        return real(*arguments, **options)

    return die


def newest(out):
    return sorted((out / "resume").glob("0*"))[-1]


def flip(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "a flipped bit": lambda c: flip(next(c.glob("*.safetensors"))),
    "half a file": lambda c: next(c.glob("*.safetensors")).write_bytes(b"1234"),
    "no tensors": lambda c: next(c.glob("*.safetensors")).unlink(),
    "no manifest": lambda c: (c / "manifest.json").unlink(),
    "an empty manifest": lambda c: (c / "manifest.json").write_text(""),
    "an edited manifest": lambda c: (c / "manifest.json").write_text(
        (c / "manifest.json").read_text().replace('"stage": 1', '"stage": 0')
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    damage, whole, two_stages, killing, built, tmp_path, same
):
    config = two_stages("lwf")
    killing.go(config, tmp_path / "cut", 26, datasets=built)
    broken = newest(tmp_path / "cut")
    DAMAGE[damage](broken)
    seen = killing.go(config, tmp_path / "cut", datasets=built)
    assert any(f"checkpoint {broken.name} is damaged and not used" in n for n in seen.notes)
    assert seen.places
    assert same()
    told = json.loads((tmp_path / "cut/run.json").read_text())["attempts"][-1]["notes"]
    assert broken.name in told[0]


def test_if_no_checkpoint_is_whole_the_run_starts_over_and_says_so(
    whole, two_stages, killing, built, tmp_path, same
):
    config = two_stages("lwf")
    killing.go(config, tmp_path / "cut", 26, datasets=built)
    for checkpoint in (tmp_path / "cut/resume").glob("0*"):
        DAMAGE["half a file"](checkpoint)
    seen = killing.go(config, tmp_path / "cut", datasets=built)
    assert seen.notes[-1] == "no checkpoint can be used, so the run starts over"
    assert seen.places == []
    assert same()


def test_two_checkpoints_are_kept_and_none_of_a_finished_run(two_stages, killing, built, tmp_path):
    killing.go(two_stages("lwf"), tmp_path / "cut", 26, datasets=built)
    assert len(list((tmp_path / "cut/resume").iterdir())) == 2
    killing.go(two_stages("lwf"), tmp_path / "cut", datasets=built)
    assert not (tmp_path / "cut/resume").exists()
    assert check_sums(tmp_path / "cut") == []


def test_the_record_says_how_often_a_run_was_interrupted(two_stages, killing, built, tmp_path):
    for at in (9, 9):
        killing.go(two_stages("lwf"), tmp_path / "cut", at, datasets=built)
    killing.go(two_stages("lwf"), tmp_path / "cut", datasets=built)
    record = json.loads((tmp_path / "cut/run.json").read_text())
    assert record["resumed"] == 2
    assert len(record["attempts"]) == 3
    assert all(attempt["seconds"] > 0 for attempt in record["attempts"])


def test_how_often_is_saved_is_no_part_of_the_result(two_stages):
    one, other = two_stages("lwf", minutes=0), two_stages("lwf", minutes=9)
    assert one == other
    assert "resume" not in one.published()
    assert RunConfig.model_fields["resume"]


CHANGES = {
    "train.lr=0.01": "train.lr was 0.001 and is 0.01",
    "seed=3": "seed was 0 and is 3",
    "stream.tasks.1.images=49": "stream.tasks.1.images was 48 and is 49",
    "threads=2": "threads was 1 and is 2",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_with_other_settings_is_refused_by_their_names(
    change, two_stages, killing, built, tmp_path
):
    killing.go(two_stages("lwf"), tmp_path / "cut", 9, datasets=built)
    before = killing.content(tmp_path / "cut")
    with pytest.raises(ResultError, match=CHANGES[change]) as refused:
        run(two_stages("lwf", change), tmp_path / "cut", datasets=built)
    torch.set_num_threads(1)
    assert "--force" in str(refused.value)
    assert killing.content(tmp_path / "cut") == before


def test_a_plugin_file_that_was_edited_is_another_run(two_stages, killing, built, tmp_path):
    killing.go(two_stages("lwf"), tmp_path / "cut", 9, datasets=built)
    config = two_stages("lwf")
    plugin = tmp_path / "tiny_plugin.py"
    plugin.write_text(plugin.read_text() + "# edited\n")
    with pytest.raises(ResultError, match=r"plugins\.tiny_plugin was .* and is "):
        run(two_stages("lwf"), tmp_path / "cut", datasets=built)
    del config


def test_force_starts_an_unfinished_run_over(two_stages, killing, built, tmp_path):
    killing.go(two_stages("lwf"), tmp_path / "cut", 20, datasets=built)
    seen = killing.go(two_stages("lwf", "seed=3"), tmp_path / "cut", force=True, datasets=built)
    assert seen.places == []
    assert json.loads((tmp_path / "cut/run.json").read_text())["seed"] == 3


def test_files_of_a_finished_method_that_were_changed_are_made_again(
    two_stages, killing, built, tmp_path
):
    beside = {"compare": ["ft"]}
    killing.go(two_stages("lwf", minutes=5, **beside), tmp_path / "whole", datasets=built)
    killing.go(two_stages("lwf", **beside), tmp_path / "cut", 45, datasets=built)
    (tmp_path / "cut/metrics.json").write_text("{}")
    seen = killing.go(two_stages("lwf", **beside), tmp_path / "cut", datasets=built)
    assert any("files of `lwf` were changed or removed" in note for note in seen.notes)
    assert killing.unlike(tmp_path / "whole", tmp_path / "cut") == []


@pytest.mark.parametrize("where", ["checkpoint", "log", "tables"])
def test_a_full_disk_is_one_message_and_the_last_checkpoint_is_kept(
    where, whole, two_stages, killing, built, tmp_path, same, monkeypatch
):
    config, real, calls = two_stages("lwf"), Path.open, []
    name = {"checkpoint": "tensors-", "log": "train_log", "tables": ".cliqa-tmp-"}[where]
    late = {"checkpoint": 21, "log": 4, "tables": 12}[where]

    def full(self, mode="r", *arguments, **options):
        if self.name.startswith(name) and set(mode) & set("wax"):
            calls.append(self)
            if len(calls) > late:
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, mode, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(ResultError, match="no space is left") as refused:
            run(config, tmp_path / "cut", datasets=built)
    assert "kept" in str(refused.value)
    assert "same command" in str(refused.value)
    assert len(ResumeStore(tmp_path / "cut").names()) == 2
    seen = killing.go(config, tmp_path / "cut", datasets=built)
    assert seen.places
    assert same()


DIVERGING = """
import torch
from cliqa import Component, hookimpl
from cliqa.training import Strategy


class Diverging(Strategy):
    def loss(self, context, batch):
        loss = super().loss(context, batch)
        return loss * float("nan") if context.stage.step == 2 else loss


@hookimpl
def cliqa_strategies():
    return [Component(name="diverging", factory=Diverging)]
"""


def test_a_loss_that_is_nan_names_its_samples_and_is_not_run_into_again(
    two_stages, killing, built, tmp_path
):
    (tmp_path / "diverging.py").write_text(DIVERGING)
    plugins = ["./tiny_plugin.py", "./diverging.py"]
    config = two_stages("diverging", plugins=plugins)
    with pytest.raises(DivergedError, match=r"on samples .*; lower `train.lr`.*--force") as first:
        run(config, tmp_path / "cut", datasets=built)
    samples = str(first.value).split("samples ")[1].split(";")[0]
    again = killing.Killer()
    with pytest.raises(DivergedError, match="earlier attempt at this run stopped") as second:
        run(config, tmp_path / "cut", observer=again, datasets=built)
    assert samples in str(second.value)
    assert again.moments == []
    with pytest.raises(DivergedError, match="would come to the same step"):
        run(config, tmp_path / "cut", datasets=built, force=True)


FORGETFUL = """
import dataclasses
import torch
from cliqa import Component, hookimpl
from cliqa.training import Strategy


class Forgetful(Strategy):
    '''Its loss depends on how many steps there were, which its state does not tell.'''

    def __init__(self, config):
        super().__init__(config)
        self.seen = {"steps": 0}

    def phases(self, context):
        for phase in super().phases(context):
            yield dataclasses.replace(phase, updates=tuple(
                dataclasses.replace(update, after_step=self.count) for update in phase.updates))
        if FORGETS == "within":
            self.seen["steps"] = 0

    def count(self):
        self.seen["steps"] += 1

    def loss(self, context, batch):
        return super().loss(context, batch) * (1 + self.seen["steps"])


@hookimpl
def cliqa_strategies():
    return [Component(name="forgetful", factory=Forgetful)]
"""


@pytest.mark.parametrize("forgets", ["within", "between"])
@pytest.mark.parametrize("at", [9, 29])
def test_a_strategy_whose_state_forgets_something_is_found_out_and_nothing_goes_wrong(
    forgets, at, two_stages, killing, built, tmp_path, same
):
    (tmp_path / "forgetful.py").write_text(f"FORGETS = {forgets!r}\n{FORGETFUL}")
    changes = {"plugins": ["./tiny_plugin.py", "./forgetful.py"]}
    first = killing.go(
        two_stages("forgetful", minutes=5, **changes), tmp_path / "whole", datasets=built
    )
    # A stage after which something is lost is told of at once.
    told = [n for n in first.notes if "Forgetful does not come back from its state()" in n]
    assert bool(told) == (forgets == "between")
    assert all("`seen.[steps]`" in note for note in told)
    config = two_stages("forgetful", **changes)
    killing.go(config, tmp_path / "cut", at, datasets=built)
    seen = killing.go(config, tmp_path / "cut", datasets=built)
    assert any("cannot be gone on from: Forgetful does not come back" in n for n in seen.notes)
    assert seen.places[-1][1:] == (
        (1, "stage 2") if (at, forgets) == (29, "within") else (0, "stage 1")
    )
    assert same()


def test_what_a_process_killed_at_the_very_end_left_is_removed(
    two_stages, killing, built, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("cliqa.run.runner.clear_checkpoints", lambda out: None)
        killing.go(two_stages("ft"), tmp_path / "cut", datasets=built)
    assert (tmp_path / "cut/resume").exists()
    with pytest.raises(ResultError, match="already holds a finished run"):
        run(two_stages("ft"), tmp_path / "cut", datasets=built)
    assert not (tmp_path / "cut/resume").exists()
    assert check_sums(tmp_path / "cut") == []


def test_a_file_of_the_users_beside_the_checkpoints_stays(two_stages, killing, built, tmp_path):
    killing.go(two_stages("ft"), tmp_path / "cut", 9, datasets=built)
    (tmp_path / "cut/resume/notes.txt").write_text("precious")
    killing.go(two_stages("ft"), tmp_path / "cut", datasets=built)
    assert [p.name for p in (tmp_path / "cut/resume").iterdir()] == ["notes.txt"]


def test_a_log_that_was_changed_is_not_gone_on_with_and_it_says_what_to_do(
    whole, two_stages, killing, built, tmp_path
):
    killing.go(two_stages("lwf"), tmp_path / "cut", 26, datasets=built)
    writer = BundleWriter(tmp_path / "cut")
    writer.path("train_log.jsonl").write_text("{}\n")
    with pytest.raises(ResultError, match=r"was changed since; put .* back, or start .* --force"):
        run(two_stages("lwf"), tmp_path / "cut", datasets=built)


TALKATIVE = """
from cliqa import Component, hookimpl
from cliqa.training import Strategy


class Talkative(Strategy):
    def phases(self, context):
        for number, phase in enumerate(super().phases(context)):
            context.log({"event": "remark", "number": number})
            context.note(f"phase {number} of step {context.stage.step} is near")
            yield phase
        context.log({"event": "remark", "number": "end"})


@hookimpl
def cliqa_strategies():
    return [Component(name="talkative", factory=Talkative)]
"""


def test_what_a_strategy_logs_between_its_phases_is_logged_once(
    two_stages, killing, until_done, built, tmp_path, same
):
    """Its code between phases runs again when a stage goes on."""
    (tmp_path / "talkative.py").write_text(TALKATIVE)
    changes = {"plugins": ["./tiny_plugin.py", "./talkative.py"]}
    killing.go(two_stages("talkative", minutes=5, **changes), tmp_path / "whole", datasets=built)
    until_done(two_stages("talkative", **changes), tmp_path / "cut", moments=4)
    log = (tmp_path / "cut/train_log.jsonl").read_text()
    assert log.count('"remark"') == 2 * 3
    assert same()
