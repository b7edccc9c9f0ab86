"""The command line: one file a command, imported only when that command is used."""

from __future__ import annotations

from cliqa.cli.main import cli, main

__all__ = ["cli", "main"]
