from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mergec.lock.file_stamp import FileStamp, stamp_of

if TYPE_CHECKING:
    from pathlib import Path

AT = 10**18


@pytest.mark.parametrize(
    ("passed", "is_settled"),
    [(0, False), (2 * 10**9, False), (2 * 10**9 + 1, True), (10**15, True), (-1, False), (-(10**17), False)],
)
def test_a_write_that_the_clock_may_not_show(passed: int, is_settled: bool) -> None:  # noqa: FBT001
    """Also where the clock was set back: the file then comes from the future."""
    assert FileStamp(1, 2, 3, 0, AT).is_settled(AT + passed) is is_settled


def test_whatever_is_done_to_a_file_shows(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    stamp, status = stamp_of(path), path.stat()
    other = tmp_path / "other"
    other.write_bytes(b"behind")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    swapped = stamp_of(path)
    assert (swapped.size, swapped.modified_ns) == (stamp.size, stamp.modified_ns)
    assert swapped.inode != stamp.inode
    assert str(swapped) != str(stamp)


def test_of_a_path_and_of_what_is_open(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with path.open("rb") as stream:
        assert stamp_of(stream.fileno()) == stamp_of(path)
    assert stamp_of(path).is_of(stamp_of(path).identity)
