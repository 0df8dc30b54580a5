"""From the path of a source to the one file that opens it."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, safe
from mergec.sources.directory_candidates import SHARD_NAME, candidates, companions, entries
from mergec.sources.errors import NoWeights, RemoteSource, SeveralCheckpoints
from mergec.sources.open_file import not_a_file, why_not
from mergec.sources.sniff import Form, form_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mergec.diagnostics import Diagnostic

# At least two characters before the colon: one is a drive letter.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_SHOWN = 12  # of the files in a long list


@dataclass(frozen=True, slots=True)
class Located:
    """The file to open, and the directory that the user named, if it was one."""

    path: Path
    form: Form
    directory: Path | None = None


def locate(path: Path) -> Located:
    """Find what to open for a source's path.

    Raises:
        MergecError: the path leads nowhere, or to no checkpoint, or to several.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise MergecError([unreachable(path, error)]) from error
    if stat.S_ISDIR(mode):
        return _in_directory(path)
    if not stat.S_ISREG(mode):
        raise MergecError([not_a_file(path, mode)])
    return Located(path, form_of(path))


def unreachable(path: Path, error: OSError | ValueError) -> Diagnostic:
    """The diagnostic for a path that leads nowhere: it may be an address, which is no path at all."""
    return _remote(path) or why_not(path, error)


def _remote(path: Path) -> Diagnostic | None:
    """The diagnostic for an address, which as a path has lost one slash and maybe gained a folder."""
    for position, part in enumerate(path.parts):
        if _SCHEME.fullmatch(part):
            rest = "/".join(path.parts[position + 1 :])
            advice = "download the checkpoint and give the path of the local folder"
            if part.lower() == "file:":
                advice = f"write it as a path: `/{safe(rest)}`"
            return RemoteSource(address=f"{part}//{rest}", help=advice)
    return None


def _in_directory(directory: Path) -> Located:
    found = candidates(directory)
    if not found:
        raise MergecError([_no_weights(directory)])
    if len(found) > 1:
        raise MergecError([_several(directory, found)])
    return Located(found[0], form_of(found[0]), directory)


def _several(directory: Path, found: Sequence[Path]) -> Diagnostic:
    """Name them all; where they are shards whose index is missing, say that."""
    listed = [f"found `{safe(path.name)}`" for path in found[:_SHOWN]]
    if len(found) > _SHOWN:
        listed.append(f"and {len(found) - _SHOWN} more")
    advice = "name one of them: " + " or ".join(f"`path: {safe(path)}`" for path in found[:_SHOWN])
    if all(SHARD_NAME.fullmatch(path.name) for path in found):
        advice = "these look like the shards of one checkpoint; its index (*.index.json) is missing: fetch it"
    return SeveralCheckpoints(path=str(directory), count=len(found), help=advice, notes=tuple(listed))


def _no_weights(directory: Path) -> Diagnostic:
    notes = tuple(
        f"`{safe(name)}` is skipped: name it in `path` if it is meant" for name in companions(directory)
    )
    inner = [path for path in entries(directory) if path.is_dir() and _has_weights(path)]
    advice = "give the path of the folder or file that holds the weights"
    if inner:
        advice = "name a subfolder: " + " or ".join(f"`path: {safe(path)}`" for path in inner[:_SHOWN])
    return NoWeights(path=str(directory), help=advice, notes=notes)


def _has_weights(directory: Path) -> bool:
    try:
        return bool(candidates(directory))
    except MergecError:
        return False
