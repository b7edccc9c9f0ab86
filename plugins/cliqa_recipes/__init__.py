"""Configurations that come with cliqa, found by name."""

from cliqa import Component, hookimpl


@hookimpl
def cliqa_recipes() -> list[Component]:
    """The quickstart and its larger sibling."""
    return [
        Component(
            name="quickstart",
            factory="cliqa_recipes:recipes/quickstart.yaml",
            summary="TSN-IQA and FT on six small tasks of real photographs, in minutes on a CPU",
        ),
        Component(
            name="embedded",
            factory="cliqa_recipes:recipes/embedded.yaml",
            summary="TSN-IQA, FT, SL and JL on the embedded set, with more images and epochs",
        ),
    ]
