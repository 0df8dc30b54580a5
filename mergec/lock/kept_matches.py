"""Permutations that earlier builds have found, so that no later one looks for them again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mergec.lock.digest_cache import cache_file
from mergec.lock.found_permutations import vectors_of
from mergec.lock.solution_file import read_solution, solution_bytes
from mergec.lock.tensor_keys import DecidedVectors, content_names, match_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mergec.ir.graph import CheckedGraph, NodeId
    from mergec.ir.matching import Matching
    from mergec.sources.checkpoint import WeightFile
    from mergec.symmetries.matching.solution import Solution

_FOLDER = "matches"
_ENDING = ".match"
# Beyond so many the oldest go. Those of a language model of 7 B parameters take 2 MB.
LARGEST = 200
_LARGEST_FILE = 1 << 30
# Stands for what is not known; nothing is kept under a key that it is in.
_UNKNOWN = "?"


def match_folder() -> Path | None:
    """Where they are kept: beside the digests. None where there is no such place."""
    file = cache_file()
    return file.parent / _FOLDER if file is not None else None


class KeptMatches:
    """What the matches of a graph came to, in files of the user's cache, by keys.

    A key is of all that a match depends on: the bytes of its sources, the expression of what it compares,
    the symmetry, the settings, and the builds of the arithmetic and torch. Losing a file costs time and
    nothing else, so nothing here raises. A file that is damaged, or holds no permutations of the symmetry,
    is not there.
    """

    def __init__(
        self,
        checked: CheckedGraph,
        files: Sequence[WeightFile],
        contents: Mapping[Path, str],
        folder: Path | None,
    ) -> None:
        """Of a graph whose reads are in `files`; `contents` are the SHA-256 of those that are known."""
        self._checked = checked
        digests = [contents.get(file.path, _UNKNOWN) for file in files]
        self._is_known = _UNKNOWN not in digests
        self._contents = content_names(files, digests)
        self._folder = folder

    def find(self) -> dict[NodeId, Solution]:
        """What is known, by the nodes of matches."""
        found: dict[NodeId, Solution] = {}
        for node in sorted(self._checked.matches):  # a match comes after those that it rests on
            key = self._key(node, found)
            solution = self._read(key, self._checked.graph[node].attributes[0])
            if solution is not None:
                found[node] = solution
        return found

    def keep(self, solutions: Mapping[NodeId, Solution]) -> None:
        """Keep what all matches of the graph came to."""
        if self._folder is None or not self._is_known:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for node, solution in solutions.items():
                key = self._key(node, solutions)
                path = self._folder / f"{key}{_ENDING}"
                if not path.exists():
                    _write(path, solution_bytes(key, solution))
            _forget_oldest(self._folder)
        except OSError:  # no room, no permission
            return

    def _key(self, match: NodeId, solutions: Mapping[NodeId, Solution]) -> str:
        unknown = DecidedVectors(0, _UNKNOWN)
        decided = {
            node: vectors_of(solutions[node]) if node in solutions else unknown
            for node in self._checked.matches
        }
        return match_key(self._checked, self._contents, decided, match)

    def _read(self, key: str, matching: Matching) -> Solution | None:
        if self._folder is None:
            return None
        try:
            with (self._folder / f"{key}{_ENDING}").open("rb") as stream:
                return read_solution(stream.read(_LARGEST_FILE), key, matching)
        except OSError:
            return None


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _forget_oldest(folder: Path) -> None:
    files: Iterable[Path] = sorted(folder.glob(f"*{_ENDING}"), key=lambda file: file.stat().st_mtime_ns)
    for file in list(files)[:-LARGEST]:
        file.unlink(missing_ok=True)
