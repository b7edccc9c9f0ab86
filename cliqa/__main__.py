"""`python -m cliqa` is the command `cliqa`."""

from __future__ import annotations

from cliqa.cli import main

if __name__ == "__main__":
    main()
