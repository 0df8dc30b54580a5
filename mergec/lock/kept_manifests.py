"""Manifests of single-file outputs, which have no folder for one: in the user's cache, by their paths."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from mergec.lock.digest_cache import cache_file
from mergec.output.manifest import NAME, write_manifest
from mergec.output.swap import remove

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mergec.ir.plan import OutputLayout
    from mergec.output.journal import Entry

_FOLDER = "outputs"
# Beyond so many the oldest go. That of a diffusion model takes a megabyte.
LARGEST = 100


def manifest_folder(target: Path) -> Path | None:
    """The folder with what a directory output would hold beside its weights; None where there is no cache.

    It tells what a build wrote to a path, and not what is there now: that counts only as far as it agrees.
    """
    file = cache_file()
    try:
        real = target.resolve()
    except (OSError, RuntimeError):  # links in a circle, before Python 3.13
        return None
    return file.parent / _FOLDER / sha256(os.fsencode(real)).hexdigest() if file is not None else None


def keep_manifest(
    target: Path,
    layout: OutputLayout,
    entries: Mapping[int, Entry],
    keys: Sequence[str] | None,
    beside: Mapping[str, bytes],
) -> None:
    """Keep the manifest of a file, and the files that tell of its making, for the next build.

    Losing them costs time and nothing else, so nothing here raises.
    """
    folder = manifest_folder(target)
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NAME).unlink(missing_ok=True)  # it comes last, and tells of all the others
        for name, content in beside.items():
            (folder / name).write_bytes(content)
        write_manifest(folder, layout, entries, keys)
        _forget_oldest(folder.parent)
    except OSError:  # no room, no permission
        return


def _forget_oldest(folder: Path) -> None:
    for kept in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns)[:-LARGEST]:
        remove(kept)
