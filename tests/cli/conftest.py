"""The fixture `site` of the tests of the registry."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

# Under pytest's import mode `importlib` tests are no package, so the file is loaded by its path.
_spec = importlib.util.spec_from_file_location(
    "fake_site", Path(__file__).parents[1] / "registry" / "fake_site.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = sys.modules.setdefault("fake_site", importlib.util.module_from_spec(_spec))
if not hasattr(_module, "site"):
    _spec.loader.exec_module(_module)
site = _module.site
