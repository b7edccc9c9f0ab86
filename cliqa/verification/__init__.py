"""Verifying result bundles of strangers: what is believed of them, and why.

Nothing of a bundle is run, unpickled or unpacked; labels and divisions are built here. Packing
bundles for others and comparing two states of a leaderboard's folder belong to it.
"""

from cliqa.verification.limits import Limits
from cliqa.verification.verdict import Fault, Identity, Trust, Verification
from cliqa.verification.verify import Verifier, verify

__all__ = ["Fault", "Identity", "Limits", "Trust", "Verification", "Verifier", "verify"]
