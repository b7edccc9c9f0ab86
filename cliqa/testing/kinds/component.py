"""Checks of every component, whatever its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.registry.component import FILES
from cliqa.testing.checks import Check, CheckFailedError, api, fail, require, skip
from cliqa.testing.words import crash, listed, own_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from cliqa.testing.subject import Subject


def checks(kind: str) -> Iterator[Check]:
    """The checks, in the order in which they are made."""
    yield api(is_described)
    if kind not in FILES:
        yield api(settings_are_described)
        yield api(settings_refuse_what_they_do_not_know)
        yield api(settings_come_back)
        yield api(is_made)


def _model(subject: Subject) -> type[BaseModel]:
    model = subject.registered.config_model()
    if model is None:
        skip("it has no settings")
    return model


def is_described(subject: Subject) -> None:
    """It has a summary of one line."""
    summary = subject.registered.summary
    require(
        summary.strip() and "\n" not in summary,
        "`Component.summary` is empty or has several lines; `cliqa list` prints it as one line",
    )


def settings_are_described(subject: Subject) -> None:
    """Every setting has a description, which `cliqa show` prints."""
    bare = [name for name, field in _model(subject).model_fields.items() if not field.description]
    require(
        not bare,
        f"{listed(bare)} of `{_model(subject).__name__}` has no description; write "
        'Field(default=..., description="...")',
    )


def settings_refuse_what_they_do_not_know(subject: Subject) -> None:
    """A misspelt setting is refused instead of being ignored."""
    require(
        _model(subject).model_config.get("extra") == "forbid",
        f"`{_model(subject).__name__}` takes keys that it does not know, so a typing error would "
        "run with the default; derive it from `cliqa.config.ComponentConfig`",
    )


def settings_come_back(subject: Subject) -> None:
    """Settings written to a result as JSON and read again are the same settings."""
    model, config = _model(subject), subject.config()
    assert config is not None  # noqa: S101 (there is a model)
    written = config.model_dump(mode="json", by_alias=True)
    try:
        again = model.model_validate(written)
    except ValueError as error:
        said = " ".join(str(error).split())
        fail(
            f"`{model.__name__}` does not take its own values back: {said}. A default that "
            "breaks its own bound, or a validator that takes only one form"
        )
    require(
        again == config,
        f"`{model.__name__}` reads {written} back as other settings; a validator changes what it "
        "has validated once already",
    )


def is_made(subject: Subject) -> None:
    """Its factory takes its settings and makes it."""
    try:
        subject.made()
    except TypeError as error:
        if own_lines(error, subject) or "argument" not in str(error):
            raise
        raise CheckFailedError(  # the call itself
            f"{crash(error, subject)}. A factory is called with one argument, its settings"
        ) from error
