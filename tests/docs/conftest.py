"""The pages, for the tests beside this file to import by name."""

import sys
from pathlib import Path

# Parameters of tests are made while modules are imported, before there are fixtures.
sys.path.insert(0, str(Path(__file__).parent))
