"""The network of a run: backbone, heads, and the parameters that belong to a task."""

from cliqa.model.artefact import (
    check_fits,
    digest_of,
    load_artefact,
    rest_digest,
    save_artefact,
)
from cliqa.model.backbone import Backbone
from cliqa.model.build import build_backbone
from cliqa.model.complexity import count_macs
from cliqa.model.compute import Compute, choose_device
from cliqa.model.memory import activation_bytes, images_that_fit, pixels_that_fit
from cliqa.model.network import QualityModel, Tensors
from cliqa.model.normalization import normalization_layers, normalization_tensors
from cliqa.model.scoring import batches_of_equal_size, to_input

__all__ = [
    "Backbone",
    "Compute",
    "QualityModel",
    "Tensors",
    "activation_bytes",
    "batches_of_equal_size",
    "build_backbone",
    "check_fits",
    "choose_device",
    "count_macs",
    "digest_of",
    "images_that_fit",
    "load_artefact",
    "normalization_layers",
    "normalization_tensors",
    "pixels_that_fit",
    "rest_digest",
    "save_artefact",
    "to_input",
]
