"""mergec.manifest.json: what mergec wrote into an output directory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "mergec.manifest.json"
_FORMAT_VERSION = "1.0"
_LARGEST = 16 << 20


def write_manifest(folder: Path) -> None:
    """List all files of the folder with their sizes, in sorted order."""
    files = {name: (folder / name).stat().st_size for name in sorted(_files(folder))}
    document = {"format_version": _FORMAT_VERSION, "files": files}
    # In ASCII: the name of a file need not be text, and then only an escape can stand for it.
    (folder / NAME).write_text(json.dumps(document, indent=2) + "\n", "ascii")


def foreign_files(folder: Path) -> list[str] | None:
    """The files of a folder that its manifest does not list; None where there is no manifest."""
    try:
        with (folder / NAME).open("rb") as stream:
            listed = json.loads(stream.read(_LARGEST))["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(listed, dict):
        return None
    return sorted(name for name in _files(folder) if name not in listed and name != NAME)


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
