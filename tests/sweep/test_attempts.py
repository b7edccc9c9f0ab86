"""The record of attempts survives what kills those who write it; what is tried again is decided."""

from __future__ import annotations

import errno

import pytest
import torch

from cliqa.errors import ConfigError, DataError, ResultError
from cliqa.results.files import explained
from cliqa.sweep.attempts import AttemptLog
from cliqa.sweep.transient import is_transient
from cliqa.training import DivergedError


def test_attempts_are_read_back_as_they_were_written(tmp_path):
    log = AttemptLog(tmp_path / "attempts/a.jsonl")
    assert log.read() == []
    assert log.begin("local") == 1
    log.end("failed", "no room")
    assert log.begin("ray") == 2
    first, second = log.read()
    assert (first.executor, first.outcome, first.message) == ("local", "failed", "no room")
    assert (second.executor, second.outcome, second.ended) == ("ray", "", "")


def test_an_end_is_noted_once_and_only_of_what_has_begun(tmp_path):
    log = AttemptLog(tmp_path / "a.jsonl")
    log.end("lost")
    assert log.read() == []
    log.begin("local")
    log.end("done")
    log.end("lost", "somebody else's word")
    (only,) = log.read()
    assert (only.outcome, only.message) == ("done", "")


@pytest.mark.parametrize(
    "torn", [b'{"attempt": 1, "en', b"\xff\xfe", b"[1]\n", b'{"attempt": "x"}']
)
def test_a_line_that_was_cut_off_costs_only_itself(tmp_path, torn):
    log = AttemptLog(tmp_path / "a.jsonl")
    log.begin("local")
    with log.path.open("ab") as file:
        file.write(torn)
    assert log.begin("local") == 2
    assert [attempt.number for attempt in log.read()] == [1, 2]


def explained_error(number: int) -> ResultError:
    with pytest.raises(ResultError) as caught, explained("write", ResultError):
        raise OSError(number, "the system's words")
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.EIO, "bad sector"),
        OSError(errno.ESTALE, "file handle"),
        ConnectionResetError(errno.ECONNRESET, "reset"),
        TimeoutError("no answer"),
        torch.OutOfMemoryError("GPU 0"),
        explained_error(errno.EIO),
    ],
    ids=repr,
)
def test_what_the_machine_did_is_tried_again(error):
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("a defect"),
        RuntimeError("shapes differ"),
        ConfigError("no such key"),
        DataError("an image is damaged"),
        DivergedError("nan"),
        FileNotFoundError(errno.ENOENT, "not there"),
        PermissionError(errno.EACCES, "denied"),
        explained_error(errno.ENOSPC),
        ResultError("another configuration"),
        SystemExit(3),
    ],
    ids=repr,
)
def test_what_the_run_would_do_again_is_not(error):
    assert not is_transient(error)
