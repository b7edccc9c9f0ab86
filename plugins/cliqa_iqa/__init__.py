"""Nine image quality sets, read from the folder that a user downloaded.

None of them may be redistributed: nothing is shipped, and nothing is fetched unless a user says
from where.
"""

from __future__ import annotations

from typing import Final

from cliqa import Component, hookimpl

__all__ = ["cliqa_datasets", "cliqa_presets"]

#: Name -> (module, settings, one line, paper). The facts are called as the module, in capitals.
_SETS: Final = {
    "live": (
        "live",
        "FolderConfig",
        "LIVE Release 2: 779 images, 29 contents, 5 synthetic distortions (DMOS)",
        "Sheikh, Sabir and Bovik, IEEE TIP 2006",
    ),
    "csiq": (
        "csiq",
        "FolderConfig",
        "CSIQ: 866 images, 30 contents, 6 synthetic distortions (DMOS)",
        "Larson and Chandler, Journal of Electronic Imaging 2010",
    ),
    "bid": (
        "bid",
        "PhotoConfig",
        "BID: 586 photographs with camera blur (MOS)",
        "Ciancio et al., IEEE TIP 2011",
    ),
    "clive": (
        "clive",
        "FolderConfig",
        "LIVE In the Wild Challenge: 1,162 photographs from phones and cameras (MOS)",
        "Ghadiyaram and Bovik, IEEE TIP 2016",
    ),
    "koniq-10k": (
        "koniq",
        "KonIQConfig",
        "KonIQ-10k: 10,073 photographs from the web, with an official split (MOS)",
        "Hosu, Lin, Sziranyi and Saupe, IEEE TIP 2020",
    ),
    "kadid-10k": (
        "kadid",
        "FolderConfig",
        "KADID-10k: 10,125 images, 81 contents, 25 synthetic distortions (mean score)",
        "Lin, Hosu and Saupe, QoMEX 2019",
    ),
    "tid2013": (
        "tid2013",
        "TIDConfig",
        "TID2013: 3,000 images, 25 contents, 24 synthetic distortions (MOS)",
        "Ponomarenko et al., Signal Processing: Image Communication 2015",
    ),
    "spaq": (
        "spaq",
        "PhotoConfig",
        "SPAQ: 11,125 photographs from phones (MOS)",
        "Fang, Zhu, Zeng, Ma and Wang, CVPR 2020",
    ),
    "agiqa-3k": (
        "agiqa",
        "FolderConfig",
        "AGIQA-3K: 2,982 generated images, their perceptual quality (MOS)",
        "Li et al., IEEE TCSVT 2024",
    ),
}


@hookimpl
def cliqa_datasets() -> list[Component]:
    """Offer the nine sets."""
    return [
        Component(
            name=name,
            factory=f"cliqa_iqa.{module}:build",
            config=f"cliqa_iqa.config:{config}",
            summary=summary,
            reference=reference,
            facts=f"cliqa_iqa.sets:{module.upper()}",
        )
        for name, (module, config, summary, reference) in _SETS.items()
    ]


@hookimpl
def cliqa_presets() -> list[Component]:
    """Offer the streams of sets that papers use."""
    return [
        Component(
            name="six-datasets",
            factory="cliqa_iqa:presets/six-datasets.yaml",
            summary="the six tasks LIVE, CSIQ, BID, CLIVE, KonIQ-10k, KADID-10k, split 70/10/20",
            reference="the sequence of TSN-IQA",
        ),
        Component(
            name="three-unseen-datasets",
            factory="cliqa_iqa:presets/three-unseen-datasets.yaml",
            summary="TID2013, SPAQ and AGIQA-3K, tested on whole after the last task",
            reference="the cross-dataset test of TSN-IQA",
        ),
    ]
