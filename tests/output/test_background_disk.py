"""Room reserved in the background."""

from __future__ import annotations

import ctypes
import errno
from typing import TYPE_CHECKING

import pytest

from mergec.output.background_disk import BackgroundDisk

if TYPE_CHECKING:
    from pathlib import Path


class Refusing:
    """A C library whose fallocate fails with these errors, one after another, and then succeeds."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def fallocate64(self, *_: object) -> int:
        if not self.codes:
            return 0
        ctypes.set_errno(self.codes.pop(0))
        return -1


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ((), None),
        ((errno.EINTR, errno.EINTR), None),
        ((errno.EOPNOTSUPP,), None),
        ((errno.EINTR, errno.ENOSPC), errno.ENOSPC),
    ],
)
def test_what_goes_wrong_is_told_where_it_matters(
    tmp_path: Path, codes: tuple[int, ...], told: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Refusing(*codes)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    disk = BackgroundDisk()
    with (tmp_path / "f").open("wb") as file:
        disk.reserve(file.fileno(), 100)
        if told is None:
            disk.finish()
        else:
            with pytest.raises(OSError, match=r"\[Errno") as caught:
                disk.finish()
            assert caught.value.errno == told
    assert library.codes == []
