"""Two states of a folder of bundles: what a pull request does to a leaderboard."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cliqa.errors import ResultError
from cliqa.results import ResultTable, Undefined, to_markdown
from cliqa.results.layout import PREDICTIONS, SUMS
from cliqa.verification.files import UnreadableError, open_files
from cliqa.verification.verdict import Faults, Verification

if TYPE_CHECKING:
    from pathlib import Path

    from cliqa.verification.verify import Verifier

__all__ = ["Comparison", "compare_folders", "find_bundles"]

_DEEPEST = 4


@dataclass
class Comparison:
    """What was found.

    Attributes:
        faults: one sentence for each thing that must not happen; empty if all is well.
        kept: bundles that are as they were, by path in the folder.
        moved: old path -> new path of bundles with the same content.
        new: bundles that were not there before.
        found: every bundle of the new folder, verified.
    """

    faults: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    found: dict[str, Verification] = field(default_factory=dict)

    def markdown(self) -> str:
        """The comparison for the reviewer of a pull request."""
        lines = [f"## Leaderboard: {'refused' if self.faults else 'accepted'}", ""]
        lines += [f"{len(self.new)} new, {len(self.kept)} unchanged, {len(self.moved)} moved.", ""]
        if self.faults:
            lines += ["### Faults", "", *(f"* {_plain(text)}" for text in self.faults), ""]
        accepted = {n: v for n, v in self.found.items() if v.accepted and v.metrics is not None}
        streams: dict[Any, list[str]] = {}
        for name, found in accepted.items():
            streams.setdefault(_stream(found), []).append(name)
        for names in streams.values():
            if set(names) & set(self.new):
                lines += [to_markdown(self._table(names)), ""]
        notes = [
            f"* {_plain(name)}: {_plain(note)}"
            for name in self.new
            for note in self.found[name].notes
        ]
        if notes:
            lines += ["### Not checked", "", *notes, ""]
        lines.append(
            "Recomputed: metrics from the submitted predictions, with our own labels and "
            "divisions. That does not show that the predictions come from a trained model."
        )
        return "\n".join(lines) + "\n"

    def _table(self, names: list[str]) -> ResultTable:
        first = self.found[names[0]]
        assert first.identity is not None  # noqa: S101
        columns = _metric_names([self.found[name] for name in names])
        rows: list[tuple[Any, ...]] = []
        for name in names:
            found = self.found[name]
            assert found.identity is not None  # noqa: S101
            assert found.metrics is not None  # noqa: S101
            for gate, entry in found.metrics["gates"].items():
                told = " (told the task)" if found.identity.told_task_id[gate] else ""
                values = [_cell(entry, column) for column in columns]
                state = "new" if name in self.new else ""
                who = (found.identity.method, gate + told, str(found.identity.seed))
                rows.append((*who, state, found.trust.value, *values))
        rows.sort(key=lambda row: -row[5] if isinstance(row[5], float) else 2.0)
        header = ("method", "gate", "seed", "new", "trust", *columns)
        title = f"{', '.join(first.identity.tasks)}, order {first.identity.order}"
        return ResultTable(title, header, tuple(rows), names=5)


def find_bundles(folder: Path, faults: list[str]) -> dict[str, Path]:
    """Path in the folder -> bundle, a folder with `SHA256SUMS` or a zip; links are refused."""
    if not folder.is_dir():
        raise ResultError(f"{folder} is no folder; expected one with bundles in it")
    found: dict[str, Path] = {}
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        for path in sorted(here.iterdir()):
            name = path.relative_to(folder).as_posix()
            if path.name.startswith("."):
                continue
            if path.is_symlink():
                faults.append(f"{name} is a link; a leaderboard holds bundles only")
            elif path.is_dir() and not (path / SUMS).exists() and name.count("/") < _DEEPEST:
                waiting.append(path)
            elif path.is_dir() or path.suffix == ".zip":
                found[name] = path
    return dict(sorted(found.items()))


def compare_folders(old: Path, new: Path, verifier: Verifier, *, rescore: int = 0) -> Comparison:
    """Compare a leaderboard's folder before and after a change.

    Every bundle that was there must still be there with the same content, so that no score
    changes and none is removed. New ones must verify with our own labels, and must be no copy.

    Args:
        old: the folder before, trusted.
        new: the folder after.
        verifier: what verifies.
        rescore: so many images of each new bundle are scored again from its weights.

    Raises:
        ResultError: one of the two is no folder.
    """
    result = Comparison()
    before, after = find_bundles(old, []), find_bundles(new, result.faults)
    contents_before = {name: _content(path, verifier) for name, path in before.items()}
    contents_after = {name: _content(path, verifier) for name, path in after.items()}
    where = {content: name for name, (content, _) in contents_after.items()}
    for name, (content, _) in contents_before.items():
        if name in contents_after and contents_after[name][0] == content:
            result.kept.append(name)
        elif content in where:
            result.moved[name] = where[content]
        elif name in contents_after:
            result.faults.append(f"{name} was changed; what is there never changes")
        else:
            result.faults.append(f"{name} was removed; what is there stays")
    known = {*result.kept, *result.moved.values(), *before}
    result.new = [name for name in after if name not in known]
    for name, path in after.items():
        again = rescore if name in result.new else 0
        result.found[name] = verifier.verify(path, rescore=again)
        _judge(name, result, rescore=again)
    _refuse_copies(result, contents_after)
    return result


def _judge(name: str, result: Comparison, *, rescore: int) -> None:
    from cliqa.verification.verdict import Trust

    found = result.found[name]
    result.faults += [f"{name}: {fault}" for fault in found.all_faults()]
    if not found.accepted or name not in result.new:
        return
    for label, one in {"": found, **found.beside}.items():
        what = f"{name}, {label}" if label else name
        if one.trust is Trust.CONSISTENT:
            result.faults.append(
                f"{what}: the labels of its test sets are not here, so nothing was recomputed; "
                "give their folders by --data"
            )
        elif rescore and one.trust is not Trust.REPRODUCED:
            result.faults.append(f"{what}: was to be scored again from its weights and was not")


def _refuse_copies(result: Comparison, contents: dict[str, tuple[str, str]]) -> None:
    """The same run, or the same predictions, under two names."""
    owner: dict[str, str] = {}
    for name in sorted(contents, key=lambda n: n in result.new):
        identity = result.found[name].identity
        marks = {f"run {identity.run_id}"} if identity else set()
        marks |= {f"predictions {contents[name][1]}"} if contents[name][1] else set()
        for mark in marks:
            if mark in owner:
                what = mark.partition(" ")[0]
                result.faults.append(f"{name} is the same {what} as {owner[mark]}")
            owner.setdefault(mark, name)


def _content(path: Path, verifier: Verifier) -> tuple[str, str]:
    """Digest of every file of a bundle, whether folder or zip, and of its predictions."""
    with open_files(path, verifier.limits, faults := Faults()) as files:
        total, predictions = hashlib.sha256(), ""
        for name in sorted(files.sizes):
            try:
                digest = files.digest(name)
            except UnreadableError as error:
                digest = f"unreadable: {error}"
            total.update(f"{name}\n{digest}\n".encode())
            predictions = digest if name == PREDICTIONS else predictions
        total.update("\n".join(map(str, faults)).encode("utf-8", "backslashreplace"))
    return total.hexdigest(), predictions


def _stream(found: Verification) -> Any:
    """What two runs must share to be compared."""
    who = found.identity
    assert who is not None  # noqa: S101
    tests = (who.tasks, who.evaluate_only, who.learned_at, tuple(sorted(who.fingerprints.items())))
    return who.order, tests


def _metric_names(found: list[Verification]) -> list[str]:
    names: dict[str, None] = {}
    for one in found:
        assert one.metrics is not None  # noqa: S101
        for entry in one.metrics["gates"].values():
            names |= dict.fromkeys(k for k, v in entry.items() if not isinstance(v, dict | list))
    return list(names)


def _cell(entry: dict[str, Any], name: str) -> float | Undefined:
    value = entry.get(name)
    reason = entry.get("undefined", {}).get(name, "not computed")
    return Undefined(reason) if value is None else float(value)


def _plain(text: str) -> str:
    """Text of a stranger's in Markdown: one line, nothing that is markup or calls somebody."""
    text = " ".join(text.split())
    for sign in "\\|*_`<[#@":
        text = text.replace(sign, "\\" + sign if sign not in "<@" else f"&#{ord(sign)};")
    return "".join(c for c in text if c.isprintable())[:600]
