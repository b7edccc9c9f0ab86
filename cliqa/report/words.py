"""What the report says about its tables: one place for all of its sentences."""

from __future__ import annotations

from typing import Final

UNFINISHED: Final = "has not finished and is not shown."

#: Metric -> what it is, where the report knows it.
METRICS: Final[dict[str, str]] = {
    "mSRCC": "mean SRCC of the last model over all test sets",
    "mPI": "mean plasticity: SRCC on each task just after learning it",
    "mSI": "mean stability: SRCC between a model's predictions and those of each earlier model on "
    "the earlier model's newest task; 1 for the first task",
    "mPSI": "mean of plasticity and stability, (mPI + mSI) / 2",
    "task-length-robustness": "mean of the mPSI of the first 1, 2, ... tasks",
    "C": "mean absolute SRCC of the last model",
    "C-bar": "mean over tasks of the mean absolute SRCC on the sets learned so far",
    "F": "drop of each old task's absolute SRCC from its best, last model; lower is better",
    "F-bar": "the same drop, mean over tasks; lower is better",
    "average-forgetting": "drop of each old task's SRCC from its best, last model; lower is better",
    "backward-transfer": "change of each old task's SRCC since it was learned",
    "anytime-SRCC": "mean over tasks of the mean SRCC on the sets learned so far",
    "mPLCC": "mean Pearson correlation of the last model",
    "mPLCC-logistic": "mean Pearson correlation of the last model after a 4-parameter logistic",
    "mKRCC": "mean Kendall correlation of the last model",
}

SUMMARY: Final = (
    "One row a method and gate. SRCC is Spearman's rank correlation of predictions with quality "
    "scores. The best mean of a column is bold, among methods that learn task after task and are "
    "not told the task; bold says nothing about significance."
)
SEEDS: Final = "± is the standard deviation over seeds, divided by n - 1; n is the number of seeds."
PRINTED: Final = (
    "The same datasets as the paper's. Division of the images, code and training differ, so a "
    "difference has more than one cause."
)
PRINTED_OTHER: Final = (
    "As printed, on other data, not comparable: the paper's tasks are not those of this section. "
    "Shown for orientation only."
)
LOGGED: Final = (
    "Records that methods wrote into their training log beside losses: the newest value of each "
    "number, mean and standard deviation over the runs in which it is defined."
)
MATRIX: Final = (
    "Row: the task learned last. Column: the test set. On and below the diagonal are tasks learned "
    "so far, above it tasks to come. Blue is towards 1, white 0, orange negative."
)
TASKS: Final = (
    "SRCC of the final model on the test images of each task, and their mean: mSRCC. LIQA's C is "
    "the mean of the absolute values. The best of each task is bold, among methods that learn task "
    "after task and are not told the task."
)
ORDERS: Final = (
    "The same methods with the tasks in other orders; a robust method's row is constant."
)
LENGTHS: Final = (
    "The mPSI of the first L tasks alone, for L = 1, 2, ...; the last column, their mean, is the "
    "task-length robustness."
)
CURVES: Final = (
    "PSI after each task, the mean of plasticity and stability there. A level line is a method "
    "that learns new tasks and keeps the old ones."
)
BAND: Final = (
    "The band is one standard deviation over seeds to either side, left out where more than five "
    "would hide each other. The first chart shows the best gate of each method that is not told "
    "the task."
)
JOINT: Final = "learned all tasks at once, so there is no model after each of them"
PER_SEED: Final = "Every single run behind the means: a large spread between seeds is visible here."
WEIGHTS: Final = (
    "The mean weight that a gate gives to each head over a test set's images, by the final model; "
    "rows add up to 1. Shown for gates that weight each image on its own."
)
CROSS: Final = "SRCC of the final model on sets of which it learned nothing."
EXAMPLES: Final = (
    "For single test images: the weight of each head (bar) and its score; the head of the image's "
    "own task is bold. By default the image of each set whose weight on its own head is the median."
)
DIVERGENCE: Final = (
    "KL divergence in nats between the running statistics of the last normalization layer of two "
    "tasks, as Gaussians with independent channels; entry (row, column) is KL(row || column). Low: "
    "the network sees the two datasets alike."
)
INTER: Final = (
    "SRCC of the head of each task (row) on each test set (column), final model, no gate: how far "
    "what was learned on one dataset carries to another."
)
AGREEMENT: Final = (
    "SRCC between the entries of the two matrices; negative means that a head does better on "
    "datasets whose statistics are close to its own. The diagonal pairs each task with itself, "
    "which helps the agreement; without it only pairs of different tasks are counted."
)
COST: Final = (
    "What a method adds with each head (its own parameters, and all its own numbers: running "
    "statistics too), what else it holds, and what training took. Seconds depend on the machine. "
    "An empty cell: the run did not record it."
)
GATE_COST: Final = (
    "Network passes that a gate needs to score one image after the last task, their multiply-"
    "accumulates for 224 x 224 pixels, the numbers that it stores, and those of the network it "
    "looks through that the model does not hold anyway."
)
TRAINING: Final = (
    "Training loss and validation SRCC over epochs, one thin line a seed; a vertical line marks "
    "where a task begins, a faint one a new phase of training. Losses of different phases and "
    "methods need not have one scale."
)
