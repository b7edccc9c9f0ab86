"""New methods, gates, metrics, datasets and distributions, written from templates that run."""

from cliqa.scaffold.files import new_file, new_plugin
from cliqa.scaffold.names import Names
from cliqa.scaffold.ratings import Layout, Ratings, read_layout, read_ratings

__all__ = [
    "Layout",
    "Names",
    "Ratings",
    "new_file",
    "new_plugin",
    "read_layout",
    "read_ratings",
]
