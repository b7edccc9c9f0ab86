"""Programs started by `torchrun`, one thread each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def environment():
    """That of the tests, without what an outer launcher may have said."""
    kept = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    return kept | {"OMP_NUM_THREADS": "1"}


def torchrun(processes, *program):
    """The command that starts a program on so many processes, or alone."""
    if processes == 1:
        return [sys.executable, *map(str, program)]
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
    return [sys.executable, *launcher, str(processes), *map(str, program)]


@pytest.fixture(scope="session")
def start():
    """Start a program on so many processes; returns the launcher."""

    def go(processes, *program, **options):
        pipe = subprocess.PIPE
        return subprocess.Popen(
            torchrun(processes, *program),
            stdout=pipe,
            stderr=pipe,
            text=True,
            env=environment(),
            **options,
        )

    return go


@pytest.fixture(scope="session")
def finish(start):
    """The same, and wait for its end; returns exit code, stdout and stderr."""

    def go(processes, *program, timeout=300, **options):
        process = start(processes, *program, **options)
        stdout, stderr = process.communicate(timeout=timeout)
        return process.returncode, stdout, stderr

    return go
