from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mergec.diagnostics import ExitCode, MergecError
from mergec.sources import FileIdentity, LocalFile, WeightFile, open_bytes
from mergec.sources.open_file import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "weights"
    made.write_bytes(CONTENT)
    return made


@pytest.fixture
def source(path: Path) -> LocalFile:
    return LocalFile(path, identity_of(path))


def read(source: LocalFile, offset: int, size: int) -> bytes:
    buffer = bytearray(size)
    source.read_at(offset, memoryview(buffer))
    return bytes(buffer)


def changed(action: Callable[[], object]) -> None:
    with pytest.raises(MergecError) as caught:
        action()
    (found,) = caught.value.diagnostics
    assert found.code == "MC0204"
    assert caught.value.exit_code is ExitCode.SOURCE
    assert "nothing was published" in (found.help or "")


def test_reads_at_any_position(source: LocalFile) -> None:
    assert source.size == len(CONTENT)
    assert read(source, 0, len(CONTENT)) == CONTENT
    assert read(source, 300, 7) == CONTENT[300:307]
    assert read(source, 0, 0) == b""
    assert os.pread(source.fileno(), 3, 1) == CONTENT[1:4]
    source.check_unchanged()
    source.close()
    source.close()


def test_fills_buffers_of_any_type(source: LocalFile) -> None:
    array = np.zeros((2, 3), np.float32)
    source.read_at(4, array.data)
    assert array.tobytes() == CONTENT[4:28]
    source.read_at(0, np.zeros((0, 3)).data)
    source.close()


def test_goes_on_after_short_reads(source: LocalFile, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.preadv
    calls = []

    def short(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        calls.append(offset)
        return whole(descriptor, [buffers[0][:100]], offset)

    monkeypatch.setattr(os, "preadv", short)
    assert read(source, 5, 950) == CONTENT[5:955]
    assert len(calls) == 10
    source.close()


def test_several_threads_read_at_once(source: LocalFile) -> None:
    wrong: list[int] = []

    def work(start: int) -> None:
        wrong.extend(at for at in range(start, 900) if read(source, at, 64) != CONTENT[at : at + 64])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    source.close()


def test_a_file_that_ends_early_has_changed(source: LocalFile, path: Path) -> None:
    os.truncate(path, 10)
    changed(lambda: read(source, 5, 6))
    changed(source.check_unchanged)
    source.close()


def test_a_file_that_is_written_to_has_changed(source: LocalFile, path: Path) -> None:
    status = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(0, status.st_mtime_ns + 1))
    changed(source.check_unchanged)
    source.close()


def test_a_file_that_is_replaced_has_changed(source: LocalFile, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(CONTENT)
    status = path.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    changed(source.check_unchanged)
    source.close()


def test_a_file_that_is_removed_has_changed(source: LocalFile, path: Path) -> None:
    path.unlink()
    changed(source.check_unchanged)
    source.close()


def test_a_file_that_changed_before_it_is_opened(path: Path) -> None:
    changed(lambda: LocalFile(path, FileIdentity(1, 2, 3)))
    changed(lambda: open_bytes(WeightFile(path, FileIdentity(1, 2, 3))))


def test_a_file_that_is_gone_before_it_is_opened(path: Path) -> None:
    identity = identity_of(path)
    path.unlink()
    with pytest.raises(MergecError, match="MC0201") as caught:
        LocalFile(path, identity)
    assert caught.value.exit_code is ExitCode.SOURCE


def test_an_error_of_the_disk_is_told(source: LocalFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(MergecError, match="Input/output error") as caught:
        read(source, 0, 1)
    assert caught.value.diagnostics[0].code == "MC0202"
    source.close()


def test_no_descriptor_is_left_open(path: Path, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only names are wanted
    save_file({"a": np.ones(3)}, tmp_path / "a.safetensors")
    changed(lambda: LocalFile(path, FileIdentity(1, 2, 3)))
    LocalFile(path, identity_of(path)).close()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above
