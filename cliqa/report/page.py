"""The report as one HTML file: no script, no network, every text escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cliqa.report.colors import ink

if TYPE_CHECKING:
    from jinja2 import Template

    from cliqa.report.blocks import Report


def to_html(report: Report) -> str:
    """The whole page."""
    return template("page.html").render(report=report)


@cache
def template(name: str, package: str = "cliqa.report") -> Template:
    """A template that may use those of the report: its style and its blocks.

    Args:
        name: of its file in the package's folder `templates`.
        package: where it is looked for first.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("cliqa.report")]),
        autoescape=True,  # for every template, whatever its name ends in
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ink"] = ink
    environment.filters["kind"] = lambda block: type(block).__name__
    environment.globals["style"] = Markup(  # noqa: S704 (a file of this package)
        environment.loader.get_source(environment, "style.css")[0]  # type: ignore[union-attr]
    )
    return environment.get_template(name)
