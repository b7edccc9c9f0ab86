"""Archives of the sets on the Hugging Face Hub: downloaded and unpacked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock

from cliqa.hub import hub_files
from cliqa_iqa.config import ARCHIVES
from cliqa_iqa.unpack import is_archive, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from cliqa_iqa.config import FolderConfig
    from cliqa_iqa.facts import SetFacts

__all__ = ["Fetched", "fetch"]


@dataclass(frozen=True)
class Fetched:
    """What was downloaded.

    Attributes:
        paths: folder of each unpacked archive, and each file that is none, in the order asked for.
        info: facts to keep with a result.
    """

    paths: tuple[Path, ...]
    info: dict[str, str]


def fetch(facts: SetFacts, config: FolderConfig) -> Fetched:
    """Download the set's files at the revision asked for, and unpack its archives.

    They are unpacked below the Hub client's own folder for what is made from downloads
    (`HF_HOME/assets/cliqa`), one folder an archive and commit. Of several processes one unpacks,
    the others wait; a folder appears when all of it is there.

    Raises:
        DataError: no file is known or to be had, or an archive is damaged or refused.
    """
    from huggingface_hub import cached_assets_path, constants

    known = (facts.archive,) if facts.archive and config.from_hub == ARCHIVES else ()
    names = config.files or known
    if not names:
        raise facts.fault(
            f"no file of {config.from_hub} is known to hold it: look at the repository's files and "
            "write `files: [NAME, ...]`"
        )
    assert config.revision is not None  # noqa: S101  # the settings were checked
    got = hub_files(
        config.from_hub,
        config.revision,
        names,
        asker=f"dataset `{facts.name}`",
        advice="use your own folder (`source: folder`)",
    )
    place = cached_assets_path(
        "cliqa", config.from_hub, got.commit, assets_dir=constants.HF_ASSETS_CACHE
    )
    paths = tuple(
        _unpacked(facts, path, place / name.replace("/", "--")) if is_archive(path) else path
        for name, path in zip(names, got.paths, strict=True)
    )
    info = {
        "source": f"{config.from_hub} at {got.commit}: {', '.join(names)}",
        "published_at": facts.page,
    }
    return Fetched(paths, info)


def _unpacked(facts: SetFacts, archive: Path, target: Path) -> Path:
    """The folder that holds an archive's files."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f"{target.name}.lock")):
        if not target.is_dir():
            unpack(archive, target, fault=facts.fault)
    return target
