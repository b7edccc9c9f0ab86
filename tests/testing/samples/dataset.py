"""Wrong sets."""

from __future__ import annotations

from cliqa_samples import fault

from cliqa import DatasetFacts
from cliqa.data import RatedDataset
from cliqa.testing.material import generated_dataset


def changed(**columns):
    """A factory of the generated set with other cells: column -> function of the list."""

    def make(_):
        dataset = generated_dataset("mine")
        cells = dataset.table.to_dict()
        for name, change in columns.items():
            cells[name] = change(cells[name])
        table = type(dataset.table).from_dict(cells, features=dataset.table.features)
        return RatedDataset(name="mine", table=table, quality_range=dataset.quality_range)

    return make


def _alternating(column):
    return ["train" if n % 2 else "test" for n, _ in enumerate(column)]


fault("dataset", "is-a-rated-dataset", "made a Dataset")(lambda _: generated_dataset("mine").table)
fault("dataset", "table-keeps-the-contract", "outside [0.0, 10.0]")(
    changed(quality=lambda column: [11.0, *column[1:]])
)
fault("dataset", "images-can-be-read", "mine/000.png")(
    changed(image=lambda column: [{"bytes": b"no picture", "path": None}, *column[1:]])
)
fault("dataset", "ids-are-independent-of-the-machine", "a path of this machine")(
    changed(sample_id=lambda column: [f"/home/me/{name}" for name in column])
)
fault("dataset", "direction-is-as-declared", "DMOS", facts=DatasetFacts(lower_is_better=True))(
    changed()
)
fault("dataset", "splits-part-no-reference", "division official")(
    changed(official_split=_alternating)
)
