"""How the documentation becomes a site: `sphinx-build -W -b html docs site`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

import cliqa

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "cliqa"
author = "the cliqa authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
release = version = cliqa.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples/**"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.xref_missing", "myst.header"]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_google_docstring = True
napoleon_use_ivar = True
napoleon_use_admonition_for_notes = True
default_role = "code"  # a name between single backticks in a docstring is code

html_theme = "furo"
html_title = f"cliqa {release}"
html_show_sphinx = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Show CSV as plain text; Pygments knows no such language."""
    app.add_lexer("csv", TextLexer)
