"""Settings of pairwise learning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cliqa.config import ComponentConfig


class FidelityConfig(ComponentConfig):
    """What is said about a pair, and how the model says it."""

    label: Literal["binary", "binary-strict", "thurstone"] = Field(
        default="binary",
        description="binary: 1 if the first image's score is at least the second's (paper, Eq. 3);"
        " binary-strict: only if it is higher (released code); thurstone: probability from scores "
        "and their deviations",
    )
    link: Literal["thurstone", "plain"] = Field(
        default="thurstone",
        description="predicted probability: Phi(difference / sqrt 2) (paper, Eq. 4), or "
        "Phi(difference) (released code)",
    )
