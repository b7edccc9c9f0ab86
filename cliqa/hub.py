"""The Hugging Face Hub: asked once, at a named revision, with a message when it cannot answer.

What is downloaded lies in the Hub client's own cache, so other programs share it and
`hf cache` lists and deletes it. Nothing downloaded is ever run.
"""

from __future__ import annotations

import hashlib
import re
import socket
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

from cliqa.errors import DataError
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "REPOSITORY",
    "HubFiles",
    "HubFolder",
    "cached_only_if_unreachable",
    "check_revision",
    "hub_files",
    "hub_folder",
    "is_unreachable",
]

#: What the id of a repository looks like; a pattern for settings.
REPOSITORY: Final = r"^[A-Za-z0-9][\w.-]*/[\w.-]+$"

#: Network and cache failures of the Hub client and its HTTP library, by class name, so that this
#: module does not depend on which HTTP library a version of the client uses.
_OFFLINE: Final = {
    "ConnectError",
    "ConnectionError",
    "ConnectTimeout",
    "HfHubHTTPError",
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
    "ProxyError",
    "ReadTimeout",
    "SSLError",
    "Timeout",
    "URLError",  # a few models lie outside the Hub
}


@dataclass(frozen=True)
class HubFiles:
    """Files of one commit of a dataset repository.

    Attributes:
        commit: its hash, 40 hexadecimal digits.
        paths: where each file lies on this machine, in the order asked for.
    """

    commit: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class HubFolder:
    """The wanted files of one commit of a dataset repository, and no others, as a folder.

    Attributes:
        commit: its hash, 40 hexadecimal digits.
        path: the folder; nobody may write to it.
    """

    commit: str
    path: Path


@contextmanager
def cached_only_if_unreachable(timeout: float = 3.0) -> Iterator[None]:
    """Without a way to the Hub, let its client look only into its cache.

    Left alone the client tries each file again and again for most of a minute before it says so.
    With a proxy configured a direct connection proves nothing, so the client is left alone.

    Args:
        timeout: seconds to wait for a connection.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    if not before and not getproxies():
        address = urlsplit(constants.ENDPOINT)
        port = address.port or (80 if address.scheme == "http" else 443)
        try:
            socket.create_connection((address.hostname, port), timeout).close()
        except OSError:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def is_unreachable(error: BaseException) -> bool:
    """Whether an error of the Hub client means that it had no network and no copy in its cache."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return bool(_OFFLINE & {base.__name__ for e in chain for base in type(e).__mro__})


def check_revision(repository: str, revision: str | None) -> None:
    """Raise `ValueError` if no revision is named: what is newest today is another set tomorrow."""
    if revision is None:
        raise ValueError(
            f"`revision` is missing: write the commit hash of {repository} to use, from "
            f"{_page(repository)}/commits/main, or `revision: main` to take whatever is newest"
        )


def hub_files(
    repository: str, revision: str, names: Sequence[str], *, asker: str, advice: str
) -> HubFiles:
    """Some files of a dataset repository, downloaded unless they are in the cache.

    Args:
        repository: `owner/name`.
        revision: a commit hash, or a branch or tag, which is looked up once for all files.
        names: paths of the files in the repository, at least one.
        asker: what they are for, the beginning of every message.
        advice: what a user can do without the Hub.

    Raises:
        DataError: there is no such repository, revision or file, access is restricted, or the Hub
            cannot be reached and the cache has no copy.
    """
    from huggingface_hub import hf_hub_download

    paths: list[Path] = []
    commit = revision
    with cached_only_if_unreachable():
        for name in names:
            try:
                found = hf_hub_download(repository, name, repo_type="dataset", revision=commit)
            except Exception as error:
                told = _told(error, repository, commit, name, advice)
                if told is None:
                    raise
                raise DataError(f"{asker}: {told}") from None
            paths.append(Path(found))
            commit = _commit(paths[0])
    return HubFiles(commit, tuple(paths))


def hub_folder(
    repository: str, revision: str, patterns: Sequence[str], *, asker: str, advice: str
) -> HubFolder:
    """The files of a dataset repository that match any of the patterns.

    Args:
        repository: `owner/name`.
        revision: a commit hash, a branch or a tag.
        patterns: as in a shell, such as `data/*.parquet`; `*` also stands for folders.
        asker: what they are for, the beginning of every message.
        advice: what a user can do without the Hub.

    Raises:
        DataError: as `hub_files`, or no file matches.
    """
    from huggingface_hub import snapshot_download

    with cached_only_if_unreachable():
        try:
            found = snapshot_download(
                repository, repo_type="dataset", revision=revision, allow_patterns=list(patterns)
            )
        except Exception as error:
            told = _told(error, repository, revision, None, advice)
            if told is None:
                raise
            raise DataError(f"{asker}: {told}") from None
    snapshot = Path(found)
    there = (p.relative_to(snapshot).as_posix() for p in snapshot.rglob("*") if p.is_file())
    names = sorted(n for n in there if any(fnmatchcase(n, pattern) for pattern in patterns))
    if not names:
        wanted = ", ".join(patterns)
        raise DataError(f"{asker}: {_page(repository)} at {revision} has no file like {wanted}")
    return HubFolder(snapshot.name, _view(repository, snapshot, names))


def _view(repository: str, snapshot: Path, names: list[str]) -> Path:
    """A folder of links to some files of a snapshot.

    The snapshot itself also holds whatever else was fetched before, by anyone: what a set consists
    of would depend on the history of the machine.
    """
    from huggingface_hub import cached_assets_path, constants

    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    place = cached_assets_path(
        "cliqa", repository, snapshot.name, assets_dir=constants.HF_ASSETS_CACHE
    )
    view = place / f"files-{digest}"
    if view.is_dir():
        return view
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix="files-") as made:
        whole = Path(made) / "whole"
        for name in names:
            link = whole / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((snapshot / name).resolve())
        try:
            whole.rename(view)
        except OSError:  # another process was faster
            if not view.is_dir():
                raise
    return view


def _commit(path: Path) -> str:
    """The commit hash in `.../snapshots/HASH/path/of/the/file`."""
    return next(p.name for p in path.parents if re.fullmatch(r"[0-9a-f]{40}", p.name))


def _told(
    error: Exception, repository: str, revision: str, name: str | None, advice: str
) -> str | None:
    """What went wrong, in words; None for a defect."""
    from huggingface_hub import errors

    page = _page(repository)
    if isinstance(error, errors.GatedRepoError):
        return (
            f"access to {page} must be requested there; then log in with `hf auth login`, or set "
            "the environment variable HF_TOKEN"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"there is no dataset {page}, or it is private; check the spelling, or log in with "
            "`hf auth login`"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return (
            f"{page} has no revision `{revision}`; take a commit hash from {page}/commits/main, or "
            "write `revision: main`"
        )
    if isinstance(error, errors.HFValidationError):
        return f"`{repository}` at `{revision}` is no name on the Hub: {error}"
    missing = isinstance(error, errors.EntryNotFoundError)
    if missing and not isinstance(error, errors.LocalEntryNotFoundError):
        return f"{page} at {revision} has no file `{name}`{_others(repository, revision, name)}"
    if not is_unreachable(error):
        return None
    what = f"`{name}` of {repository}" if name else repository
    return (
        f"{what} at {revision} is not in the cache of this machine and the Hub cannot be reached "
        f"({type(error).__name__}); run once with a network, or {advice}"
    )


def _others(repository: str, revision: str, name: str | None) -> str:
    """The end of a sentence that names the files there are."""
    from huggingface_hub import HfApi

    try:
        files = sorted(HfApi().list_repo_files(repository, repo_type="dataset", revision=revision))
    except Exception:  # the list is a help, not the message
        return ""
    near = did_you_mean(name or "", files)
    more = f" and {len(files) - 20} more" if len(files) > 20 else ""
    return f".{near} It has {', '.join(files[:20])}{more}"


def _page(repository: str) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/datasets/{repository}"
