"""Result bundles: writing, reading, and deriving metrics and tables from them, without torch."""

from cliqa.results.bundle import Bundle, check_sums, load_bundle
from cliqa.results.derive import add_metrics, compute_metrics, srcc_matrices
from cliqa.results.folder import (
    FolderState,
    check_folder,
    folder_state,
    is_finished,
    prepare_folder,
)
from cliqa.results.layout import SCHEMA_VERSION, check_label
from cliqa.results.pseudo import pseudo_note, pseudo_sets
from cliqa.results.run_id import run_id
from cliqa.results.spread import SeedGroup, Spread, over_seeds
from cliqa.results.tables import (
    ResultTable,
    Undefined,
    cost_table,
    final_table,
    matrix_table,
    stage_names,
    summary_table,
    to_markdown,
    to_rich,
    unseen_table,
)
from cliqa.results.writer import BundleWriter

__all__ = [
    "SCHEMA_VERSION",
    "Bundle",
    "BundleWriter",
    "FolderState",
    "ResultTable",
    "SeedGroup",
    "Spread",
    "Undefined",
    "add_metrics",
    "check_folder",
    "check_label",
    "check_sums",
    "compute_metrics",
    "cost_table",
    "final_table",
    "folder_state",
    "is_finished",
    "load_bundle",
    "matrix_table",
    "over_seeds",
    "prepare_folder",
    "pseudo_note",
    "pseudo_sets",
    "run_id",
    "srcc_matrices",
    "stage_names",
    "summary_table",
    "to_markdown",
    "to_rich",
    "unseen_table",
]
