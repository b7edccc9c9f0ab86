"""Fine-tuning, separate learning and joint learning."""

import pytest
import torch
from cliqa_baselines.config import FineTuningConfig, JointLearningConfig
from cliqa_baselines.strategies import (
    CumulativeLearning,
    JointLearning,
    SeparateLearning,
    fine_tuning,
    joint_learning,
)

from cliqa.training import Stage


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 15, seed=i) for i, name in enumerate(("one", "two", "three"))]


@pytest.fixture(scope="module")
def images():
    return torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Spy:
    """Squared error; remembers what was trained on together."""

    def __init__(self):
        self.batches = []

    def new_head(self, feature_dim):
        return torch.nn.Linear(feature_dim, 1)

    def loss(self, scores, batch):
        self.batches.append({i.partition("/")[0] for i in batch.sample_ids})
        return (scores - batch.quality).square().mean()


@pytest.mark.parametrize(
    ("heads", "head_tasks"),
    [("single", [("one", "two", "three")]), ("multi", [("one",), ("two",), ("three",)])],
)
def test_fine_tuning_has_one_head_or_one_a_task_and_no_other_tensors_of_a_task(
    tiny_model, learn, tasks, heads, head_tasks
):
    strategy = fine_tuning(FineTuningConfig(heads=heads))
    model = learn(strategy, tiny_model(), tasks)
    assert model.head_tasks == head_tasks
    assert strategy.multi_head == (heads == "multi")
    assert not any(model.parameter_sets)


def test_fine_tuning_forgets_an_old_heads_scores_move_with_the_network(
    tiny_model, learn, tasks, images
):
    scores = []
    learn(
        fine_tuning(FineTuningConfig(heads="multi")),
        tiny_model(),
        tasks,
        after_stage=lambda _, c: scores.append(c.model.head_scores(images, [0])),
    )
    assert not torch.equal(scores[0], scores[2])


def test_separate_learning_gives_a_task_the_whole_network(tiny_model, learn, tasks):
    model = learn(SeparateLearning(), tiny_model(), tasks)
    start = tiny_model().backbone.state_dict()
    assert all(torch.equal(t, start[n]) for n, t in model.backbone.state_dict().items())
    for own in model.parameter_sets:
        assert set(own) == set(start)
        assert not any(torch.equal(tensor, start[name]) for name, tensor in own.items())


def test_separate_networks_do_not_depend_on_the_other_tasks(tiny_model, learn, tasks, images):
    together = learn(SeparateLearning(), tiny_model(), tasks)
    alone = learn(SeparateLearning(), tiny_model(), [tasks[2]])
    assert torch.equal(together.head_scores(images, [2]), alone.head_scores(images, [0]))


def test_separate_learning_works_without_normalization(tiny_model, tiny_backbone, learn, tasks):
    SeparateLearning().check(tiny_backbone("none"), None)
    model = learn(SeparateLearning(), tiny_model("none"), tasks[:2])
    assert len(model.parameter_sets[1]) == len(tiny_backbone("none").state_dict())


def test_joint_learning_is_one_training_that_counts_as_the_last_step():
    assert JointLearning().stages(((0, 1), (2,), (3, 4, 5))) == [
        Stage(step=3, tasks=(0, 1, 2, 3, 4, 5))
    ]


def test_joint_learning_gives_all_tasks_their_turns_under_one_head(tiny_model, learn, tasks):
    spy = Spy()
    model = learn(JointLearning(), tiny_model(), tasks, objective=spy, batch_size=16)
    assert model.head_tasks == [("one", "two", "three")]
    assert set.union(*spy.batches) == {"one", "two", "three"}
    assert all(len(batch) == 1 for batch in spy.batches)  # pairs never cross datasets


def test_joint_learning_is_cumulative_where_the_settings_say_so():
    assert isinstance(joint_learning(JointLearningConfig()), JointLearning)
    assert isinstance(joint_learning(JointLearningConfig(cumulative=True)), CumulativeLearning)


def test_cumulative_learning_has_a_stage_for_each_group_with_all_groups_before_it():
    assert CumulativeLearning().stages(((0, 1), (2,), (3, 4))) == [
        Stage(step=1, tasks=(0, 1)),
        Stage(step=2, tasks=(0, 1, 2), fresh=False),
        Stage(step=3, tasks=(0, 1, 2, 3, 4), fresh=False),
    ]


def test_a_cumulative_stage_trains_on_all_tasks_so_far_from_the_weights_of_the_stage_before(
    tiny_model, learn, tasks
):
    class Watched(CumulativeLearning):
        def phases(self, context):
            starts.append({n: t.clone() for n, t in context.model.state_dict().items()})
            return super().phases(context)

    def keep(stage, context):
        ends.append({n: t.clone() for n, t in context.model.state_dict().items()})
        trained.append(set.union(*spy.batches))
        spy.batches.clear()

    starts, ends, trained, spy = [], [], [], Spy()
    model = learn(Watched(), tiny_model(), tasks[:2], objective=spy, after_stage=keep)
    assert trained == [{"one"}, {"one", "two"}]
    assert model.head_tasks == [("one", "two")]
    assert all(torch.equal(tensor, starts[1][name]) for name, tensor in ends[0].items())
    assert not torch.equal(ends[1]["backbone.conv1.weight"], starts[1]["backbone.conv1.weight"])
    assert not torch.equal(ends[1]["heads.0.weight"], starts[1]["heads.0.weight"])
