"""Builds recipes, and tells what came of each: a program of its own, as environments belong to processes.

Its arguments are a JSON document with `recipes`, the folder `out`, the `workers`, the `memory` and whether
folders are `reversed`: listed in the opposite order. It prints, by recipe, the SHA-256 of every file.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mergec

if TYPE_CHECKING:
    from collections.abc import Iterator


def reverse_folders() -> None:
    """Have the system list folders in the opposite order."""
    listdir, scandir = os.listdir, os.scandir

    @contextmanager
    def scanned(*arguments: Any) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(*arguments) as entries:
            yield iter(sorted(entries, key=lambda entry: entry.name, reverse=True))

    os.listdir = lambda *arguments: sorted(listdir(*arguments), reverse=True)  # type: ignore[assignment]
    os.scandir = scanned  # type: ignore[assignment]


def built(recipe: str, out: Path, workers: int, memory: str) -> dict[str, str]:
    """The SHA-256 of every file of an output."""
    mergec.load(recipe).build(out=out, workers=workers, memory=memory)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def main(document: dict[str, Any]) -> None:
    """Build all of them."""
    if document["reversed"]:
        reverse_folders()
    out = Path(document["out"])
    found = {
        name: built(recipe, out / name, document["workers"], document["memory"])
        for name, recipe in document["recipes"].items()
    }
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
