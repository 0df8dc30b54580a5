"""Digests that were computed before, in a file that all processes of a user share."""

from __future__ import annotations

import os
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    T = TypeVar("T")

_NAME = "digests.sqlite"
_FOLDER = "mergec"
# Entries never expire, as what they say stays true; beyond so many of a kind the oldest go.
LARGEST = 200_000
# A process that holds the file longer than this does not hold up this one: it computes again.
_PATIENCE = 1.0
_AT_ONCE = 500
_TABLE = (
    "CREATE TABLE IF NOT EXISTS digests"
    " (number INTEGER PRIMARY KEY, kind TEXT, key TEXT, value TEXT, sum TEXT, UNIQUE (kind, key))"
)
_BOUND = (
    "DELETE FROM digests WHERE kind = ?1 AND number <="
    " (SELECT number FROM digests WHERE kind = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)"
)


def cache_file() -> Path | None:
    """Where digests are kept: below $XDG_CACHE_HOME, or below ~/.cache. None where there is no home."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        folder = named if named.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return folder / _FOLDER / _NAME


class DigestCache:
    """Values of several kinds, by their keys. Losing them costs time and nothing else.

    So nothing here raises: where the file cannot be read or written, nothing is known and nothing kept. A
    damaged file is replaced, and an entry that does not agree with its own checksum is not there. Any
    thread may call.
    """

    def __init__(self, path: Path | None) -> None:
        """Use this file; with None, nothing is kept."""
        self._path = path

    def find(self, kind: str, keys: Iterable[str]) -> dict[str, str]:
        """What is known, of these keys."""
        wanted = list(keys)
        if self._path is None or not wanted or not self._path.exists():
            return {}

        def read(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
            rows: list[tuple[str, str, str]] = []
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                query = f"SELECT key, value, sum FROM digests WHERE kind = ? AND key IN ({marks})"  # noqa: S608
                rows += connection.execute(query, (kind, *some))
            return rows

        found = self._with_connection(read) or []
        return {key: value for key, value, checksum in found if checksum == _checksum(kind, key, value)}

    def add(self, kind: str, entries: Mapping[str, str]) -> None:
        """Keep these values for later."""
        if self._path is None or not entries:
            return
        rows = [(kind, key, value, _checksum(kind, key, value)) for key, value in entries.items()]

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO digests (kind, key, value, sum) VALUES (?, ?, ?, ?)", rows
                )
                connection.execute(_BOUND, (kind, LARGEST))

        self._with_connection(write)

    def _with_connection(self, action: Callable[[sqlite3.Connection], T]) -> T | None:
        assert self._path is not None
        try:
            import sqlite3
        except ImportError:  # some builds of Python come without
            return None
        for _ in range(2):
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as connection:
                    connection.execute("PRAGMA synchronous = OFF")
                    connection.execute(_TABLE)
                    return action(connection)
            except (sqlite3.OperationalError, OSError):  # no room, no permission, somebody else's turn
                return None
            except sqlite3.Error:
                self._remove()
        return None

    def _remove(self) -> None:
        """Do away with what is no database, or a damaged one."""
        assert self._path is not None
        try:
            self._path.unlink(missing_ok=True)
            self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)
        except OSError:
            return


def _checksum(kind: str, key: str, value: object) -> str:
    return sha256(f"{kind}\0{key}\0{value}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
