"""Verifying result bundles of strangers: what is believed of them, and why.

Nothing of a bundle is run, unpickled or unpacked; labels and divisions are built here. Packing
bundles for others and comparing two states of a leaderboard's folder belong to it.
"""

from cliqa.verification.comparison import Comparison, compare_folders, find_bundles
from cliqa.verification.limits import Limits
from cliqa.verification.pack import pack
from cliqa.verification.reading import StrictBundle
from cliqa.verification.verdict import Fault, Identity, Trust, Verification
from cliqa.verification.verify import Verifier, verify

__all__ = [
    "Comparison",
    "Fault",
    "Identity",
    "Limits",
    "StrictBundle",
    "Trust",
    "Verification",
    "Verifier",
    "compare_folders",
    "find_bundles",
    "pack",
    "verify",
]
