"""Which paths may occur in a bundle."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from cliqa.results.layout import COMPARE, SUMS, is_own

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["clashes", "name_fault", "odd_characters", "place_fault"]

_LONGEST_PART: Final = 200
#: Names that Windows gives to devices, whatever their ending.
_DEVICES: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
#: Plain data that a strategy may keep beside the files every bundle has; never opened here.
_PLAIN: Final = (".json", ".jsonl", ".csv", ".txt", ".md", ".yaml", ".parquet", ".safetensors")


def odd_characters(text: str) -> str:
    """The first character that has no business in a name, as `U+202E`; empty if there is none.

    Control characters, directions of writing, invisible and unassigned characters, halves of
    characters.
    """
    if text.isascii() and text.isprintable():  # nearly every text, and a hundred times faster
        return ""
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            return f"U+{ord(character):04X}"
    return ""


def name_fault(name: str) -> str:
    """What is wrong with a path; empty if it may be one on every system."""
    parts = name.split("/")
    if odd := odd_characters(name):
        return f"the name holds the character {odd}"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "the path is absolute"
    if ".." in parts:
        return "the path leads out of the bundle"
    if "\\" in name or re.search(r'[:*?"<>|]', name):
        return 'the name holds one of \\ : * ? " < > |'
    if not all(parts) or "." in parts:
        return "the path has an empty part or a dot for a part"
    if any(len(part.encode()) > _LONGEST_PART for part in parts):
        return f"a part of the path is longer than {_LONGEST_PART} bytes"
    if any(part[-1] in ". " or part[0] in " -" or _DEVICES.fullmatch(part) for part in parts):
        return "a part of the path begins or ends with a space, a dash or a dot, or names a device"
    if unicodedata.normalize("NFC", name) != name:
        return "the name is not in Unicode's composed form (NFC)"
    return ""


def place_fault(name: str) -> str:
    """Why no bundle holds a file of that name; empty if one may."""
    parts = name.split("/")
    if parts[0] == COMPARE:
        return "a bundle in `compare/` may not hold another" if COMPARE in parts[2:] else ""
    if is_own(name) or name == SUMS:
        return "" if not parts[-1].startswith(".") else "a temporary file of an unfinished write"
    if len(parts) > 3 or any(part.startswith(".") for part in parts):
        return "no bundle holds such a file"
    if not name.endswith(_PLAIN):
        return f"no bundle holds such a file; expected plain data ({', '.join(_PLAIN)})"
    return ""


def clashes(names: Iterable[str]) -> list[str]:
    """Names that some file system takes for one, and files that are folders of others."""
    seen: dict[str, str] = {}
    found = []
    folders = set()
    for name in names:
        key = unicodedata.normalize("NFKC", name).casefold()
        if key in seen:
            same = seen[key] == name
            found.append(
                f"{name} occurs twice" if same else f"{seen[key]} and {name} differ only in case"
            )
        seen.setdefault(key, name)
        parts = key.split("/")
        folders |= {"/".join(parts[:n]) for n in range(1, len(parts))}
    return found + [f"{name} is a file and a folder" for k, name in seen.items() if k in folders]
