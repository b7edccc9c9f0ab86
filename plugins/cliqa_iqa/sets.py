"""What is published about each of the nine sets."""

from __future__ import annotations

from typing import Final

from cliqa_iqa.facts import SetFacts

__all__ = ["AGIQA", "BID", "CLIVE", "CSIQ", "KADID", "KONIQ", "LIVE", "SPAQ", "TID2013"]

_TEXAS: Final = "copyright notice of The University of Texas at Austin must stay with the set"

#: Realigned DMOS run from -2.64 to 111.77; the bounds leave room for rounding.
LIVE: Final = SetFacts(
    name="live",
    folders=("databaserelease2",),
    images=779,
    scale=(-3.0, 112.0),
    lower_is_better=True,
    image_folder="databaserelease2",
    scores="DMOS",
    deviations="yes, but not in dmos.mat",
    licence=_TEXAS,
    page="https://live.ece.utexas.edu/research/quality/subjective.htm",
    citation="H. R. Sheikh, M. F. Sabir, A. C. Bovik, A statistical evaluation of recent full "
    "reference image quality assessment algorithms, IEEE TIP 15(11), 2006",
    archive="live.tgz",
)
CSIQ: Final = SetFacts(
    name="csiq",
    images=866,
    scale=(0.0, 1.0),
    lower_is_better=True,
    image_folder="dst_imgs",
    scores="DMOS",
    deviations="yes, but not in csiq_label.txt",
    page="https://s2.smu.edu/~eclarson/csiq.html",
    citation="E. C. Larson, D. M. Chandler, Most apparent distortion: full-reference image quality "
    "assessment and the role of strategy, Journal of Electronic Imaging 19(1), 2010",
    archive="csiq.tgz",
)
BID: Final = SetFacts(
    name="bid",
    folders=("ImageDatabase",),
    images=586,
    scale=(0.0, 5.0),
    image_folder="ImageDatabase",
    scores="MOS",
    deviations="yes, from the single grades",
    page="https://www02.smt.ufrj.br/~eduardo/ImageDatabase.htm",
    citation="A. Ciancio et al., No-reference blur assessment of digital pictures based on "
    "multifeature classifiers, IEEE TIP 20(1), 2011",
)
CLIVE: Final = SetFacts(
    name="clive",
    folders=("ChallengeDB_release",),
    images=1162,
    scale=(0.0, 100.0),
    image_folder="Images",
    scores="MOS",
    deviations="yes",
    licence=_TEXAS,
    page="https://live.ece.utexas.edu/research/ChallengeDB/index.html",
    citation="D. Ghadiyaram, A. C. Bovik, Massive online crowdsourced study of subjective and "
    "objective picture quality, IEEE TIP 25(1), 2016",
    archive="live_challenge.tgz",
)
KONIQ: Final = SetFacts(
    name="koniq-10k",
    folders=("koniq10k", "KonIQ_10k"),
    images=10073,
    scale=(1.0, 5.0),
    image_folder="1024x768",
    scores="MOS",
    deviations="yes, but not on the scale 1-100",
    page="https://database.mmsp-kn.de/koniq-10k-database.html",
    citation="V. Hosu, H. Lin, T. Sziranyi, D. Saupe, KonIQ-10k: An ecologically valid database "
    "for deep learning of blind image quality assessment, IEEE TIP 29, 2020",
    archive="koniq10k.tgz",
)
KADID: Final = SetFacts(
    name="kadid-10k",
    folders=("kadid10k",),
    images=10125,
    scale=(1.0, 5.0),
    image_folder="images",
    scores="MOS",
    deviations="yes",
    page="https://database.mmsp-kn.de/kadid-10k-database.html",
    citation="H. Lin, V. Hosu, D. Saupe, KADID-10k: A large-scale artificially distorted IQA "
    "database, QoMEX 2019",
    archive="kadid10k.tgz",
)
TID2013: Final = SetFacts(
    name="tid2013",
    images=3000,
    scale=(0.0, 9.0),
    image_folder="distorted_images",
    scores="MOS",
    deviations="yes, in mos_std.txt",
    page="https://www.ponomarenko.info/tid2013.htm",
    citation="N. Ponomarenko et al., Image database TID2013: Peculiarities, results and "
    "perspectives, Signal Processing: Image Communication 30, 2015",
    archive="tid2013.tgz",
)
SPAQ: Final = SetFacts(
    name="spaq",
    images=11125,
    scale=(0.0, 100.0),
    image_folder="TestImage",
    scores="MOS",
    deviations="no",
    page="https://github.com/h4nwei/SPAQ",
    citation="Y. Fang, H. Zhu, Y. Zeng, K. Ma, Z. Wang, Perceptual quality assessment of "
    "smartphone photography, CVPR 2020",
    archive="spaq.tgz",
)
AGIQA: Final = SetFacts(
    name="agiqa-3k",
    folders=("AGIQA3K",),
    images=2982,
    scale=(0.0, 5.0),
    image_folder="images",
    scores="MOS",
    deviations="yes",
    page="https://github.com/lcysyzxdxc/AGIQA-3k-Database",
    citation="C. Li et al., AGIQA-3K: An open database for AI-generated image quality assessment, "
    "IEEE TCSVT 34(8), 2024",
    archive="AGIQA-3K.zip",
)
