"""A place for code that writes files and talks to programs outside."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CLIENTS", "elsewhere", "files_in"]

#: Libraries that pass a run on to another program.
CLIENTS: Final = (
    "wandb", "mlflow", "tensorboard", "tensorboardX", "comet_ml", "neptune", "clearml", "aim",
    "swanlab", "trackio", "dvclive",
)  # fmt: skip
#: How variables that hold their addresses, modes and keys begin.
_ACCOUNTS: Final = tuple(f"{name.partition('_')[0].upper()}_" for name in CLIENTS)


@contextmanager
def elsewhere() -> Iterator[Path]:
    """An empty working folder and a home of nobody: no account is found, and none written to."""
    with tempfile.TemporaryDirectory(prefix="cliqa-check-", ignore_cleanup_errors=True) as folder:
        here, home = (Path(folder).resolve() / name for name in ("here", "home"))
        here.mkdir()
        home.mkdir()
        before, environment = Path.cwd(), dict(os.environ)
        for name in environment:
            if name.startswith(_ACCOUNTS):
                del os.environ[name]
        os.environ |= {"HOME": str(home), "USERPROFILE": str(home), "NETRC": str(home / "netrc")}
        os.chdir(here)
        try:
            yield here
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)


def files_in(folder: Path) -> dict[str, str]:
    """Path -> digest of every file in a folder, and of every folder that is empty."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes() if path.is_file() else b""
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }
