"""New methods, gates, metrics, datasets and distributions, written from templates that run."""

from cliqa.scaffold.files import new_file, new_plugin
from cliqa.scaffold.names import Names
from cliqa.scaffold.ratings import Ratings, read_ratings

__all__ = ["Names", "Ratings", "new_file", "new_plugin", "read_ratings"]
