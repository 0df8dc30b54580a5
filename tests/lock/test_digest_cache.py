from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import mergec
from mergec.lock import digest_cache
from mergec.lock.digest_cache import DigestCache, cache_file

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "mergec" / "digests.sqlite"


def test_what_was_added_is_found_by_the_next(path: Path) -> None:
    DigestCache(path).add("file", {"a": "1", "b": "2"})
    DigestCache(path).add("file", {"a": "3"})
    found = DigestCache(path).find("file", ["a", "b", "c"])
    assert found == {"a": "3", "b": "2"}
    assert DigestCache(path).find("other", ["a"]) == {}


def test_more_than_one_query_holds(path: Path) -> None:
    entries = {str(n): str(-n) for n in range(1200)}
    DigestCache(path).add("file", entries)
    assert DigestCache(path).find("file", entries) == entries


def test_the_oldest_go_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_cache, "LARGEST", 3)
    cache = DigestCache(path)
    cache.add("other", {"kept": "1"})
    for key in "abcd":
        cache.add("file", {key: key})
    cache.add("file", {"b": "again"})
    cache.add("file", {"e": "e"})
    assert sorted(cache.find("file", "abcde")) == ["b", "d", "e"]
    assert cache.find("other", ["kept"]) == {"kept": "1"}


def test_an_entry_that_somebody_changed_is_not_there(path: Path) -> None:
    cache = DigestCache(path)
    cache.add("file", {"a": "1", "b": "2", "c": "3"})
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE digests SET value = '9' WHERE key = 'a'")
        connection.execute("UPDATE digests SET value = NULL WHERE key = 'b'")
    assert cache.find("file", "abc") == {"c": "3"}


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)


def torn(path: Path) -> None:
    DigestCache(path).add("file", {str(n): "x" * 500 for n in range(200)})
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [garbage, torn])
def test_a_damaged_file_is_replaced(path: Path, damage: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True)
    damage(path)
    cache = DigestCache(path)
    assert cache.find("file", ["a"]) == {}
    cache.add("file", {"a": "1"})
    assert cache.find("file", ["a"]) == {"a": "1"}


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE digests (something TEXT)")


def folder(path: Path) -> None:
    path.mkdir()


def held(path: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0)
    path.parent.chmod(0o500)


@pytest.mark.parametrize("hinder", [foreign, folder, held])
def test_where_it_cannot_be_used_nothing_is_known(path: Path, hinder: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True)
    hinder(path)
    cache = DigestCache(path)
    cache.add("file", {"a": "1"})
    # Nobody can keep a file from the root user.
    assert cache.find("file", ["a"]) in ({}, {"a": "1"} if hinder is held else {})
    path.parent.chmod(0o700)


def test_no_folder_for_it(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    for path in (tmp_path / "cache" / "digests.sqlite", None):
        cache = DigestCache(path)
        cache.add("file", {"a": "1"})
        assert cache.find("file", ["a"]) == {}


def test_who_holds_it_holds_nobody_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_cache, "_PATIENCE", 0.01)
    cache = DigestCache(path)
    cache.add("file", {"a": "1"})
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        cache.add("file", {"b": "2"})
        assert cache.find("file", ["a"]) == {}
    assert cache.find("file", ["a", "b"]) == {"a": "1"}


WRITER = """
import sys
from pathlib import Path
from mergec.lock.digest_cache import DigestCache
cache = DigestCache(Path(sys.argv[1]))
for n in range(50):
    cache.add("file", {f"{sys.argv[2]}-{n}": str(n)})
"""


def test_several_processes_write_at_once(path: Path) -> None:
    root = Path(mergec.__file__).parents[1]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], cwd=root) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    keys = [f"{name}-{n}" for name in "abc" for n in range(50)]
    found = DigestCache(path).find("file", keys)
    assert all(key.endswith(f"-{value}") for key, value in found.items())
    assert len(found) > 100


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_file() == tmp_path / "mergec" / "digests.sqlite"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for unset in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert cache_file() == tmp_path / "home" / ".cache" / "mergec" / "digests.sqlite"

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_file() is None
