from __future__ import annotations

import json
import os
import struct
import threading
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.diagnostics import MergecError
from mergec.lock import source_digests as module
from mergec.lock.digest_cache import DigestCache
from mergec.lock.file_stamp import FileStamp, stamp_of
from mergec.lock.source_digests import FileDigest, ReadFile, SourceDigests
from mergec.sources.open_file import open_descriptor
from mergec.sources.safetensors_header import open_safetensors
from tests.conftest import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DigestCache:
    # The files of these tests are new, and only what has settled is kept.
    monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)
    return DigestCache(tmp_path / "digests.sqlite")


def digested(files: Iterable[ReadFile], cache: DigestCache) -> tuple[list[FileDigest], int]:
    """The digests, and how many bytes were read for them."""
    read: list[int] = []
    with SourceDigests(files, cache, progress=read.append) as digests:
        assert digests.start() >= 0
        return digests.result(), sum(read)


def checkpoint(path: Path, seed: int = 0) -> ReadFile:
    write_checkpoint(path, {"w": np.random.default_rng(seed).random((700, 700), np.float32)})
    return ReadFile(path, open_safetensors(path)[0].identity)


def header_of(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: 8 + struct.unpack("<Q", content[:8])[0]]


def codes(files: Iterable[ReadFile], cache: DigestCache) -> list[str]:
    with pytest.raises(MergecError) as caught:
        digested(files, cache)
    return [error.code for error in caught.value.errors]


def test_digests_are_those_of_the_files(tmp_path: Path, cache: DigestCache) -> None:
    one = checkpoint(tmp_path / "one.safetensors")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"hidden_size": 4}))
    empty = tmp_path / "empty"
    empty.touch()
    found, read = digested([one, ReadFile(config), ReadFile(empty)], cache)
    assert read == one.path.stat().st_size + config.stat().st_size
    header = sha256(header_of(one.path)).hexdigest()
    assert found == [
        FileDigest(one.path.stat().st_size, sha256(one.path.read_bytes()).hexdigest(), header),
        FileDigest(config.stat().st_size, sha256(config.read_bytes()).hexdigest(), None),
        FileDigest(0, sha256().hexdigest(), None),
    ]


def test_a_header_of_many_blocks(tmp_path: Path, cache: DigestCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 64)
    tensors = {f"layers.{n}.weight": np.zeros(1, np.float32) for n in range(20)}
    path = write_checkpoint(tmp_path / "a.safetensors", tensors)
    (found,), _ = digested([ReadFile(path)], cache)
    assert found.header == sha256(header_of(path)).hexdigest()
    assert found.sha256 == sha256(path.read_bytes()).hexdigest()


def test_what_is_known_is_not_read_again(tmp_path: Path, cache: DigestCache) -> None:
    files = [checkpoint(tmp_path / f"{n}.safetensors", n) for n in range(3)]
    first, read = digested(files, cache)
    assert read == sum(file.path.stat().st_size for file in files)
    with SourceDigests(files, cache) as digests:
        assert digests.start() == 0
        assert digests.is_known
        assert digests.result() == first


def test_links_to_a_file_share_its_digest(tmp_path: Path, cache: DigestCache) -> None:
    file = checkpoint(tmp_path / "blob")
    link = tmp_path / "model.safetensors"
    link.symlink_to(file.path)
    found, read = digested([file, ReadFile(link, file.identity)], cache)
    assert found[0] == found[1]
    assert read == file.path.stat().st_size


def test_a_link_to_another_file_is_another_file(tmp_path: Path, cache: DigestCache) -> None:
    one, other = checkpoint(tmp_path / "one", 1), checkpoint(tmp_path / "other", 2)
    link = tmp_path / "model.safetensors"
    link.symlink_to(one.path)
    (before,), _ = digested([ReadFile(link)], cache)
    link.unlink()
    link.symlink_to(other.path)
    (after,), _ = digested([ReadFile(link)], cache)
    assert (before.sha256, after.sha256) == tuple(
        sha256(file.path.read_bytes()).hexdigest() for file in (one, other)
    )


def swapped_by_name(path: Path, content: bytes) -> None:
    other = path.with_name("other")
    other.write_bytes(content)
    other.replace(path)


def swapped_in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.mark.parametrize("swap", [swapped_by_name, swapped_in_place])
def test_another_file_of_the_same_size_and_time(tmp_path: Path, cache: DigestCache, swap: object) -> None:
    file = checkpoint(tmp_path / "a.safetensors")
    (before,), _ = digested([ReadFile(file.path)], cache)
    status = file.path.stat()
    content = bytearray(file.path.read_bytes())
    content[-1] ^= 1
    assert callable(swap)
    swap(file.path, bytes(content))
    os.utime(file.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.path.stat().st_mtime_ns == status.st_mtime_ns
    (after,), read = digested([ReadFile(file.path)], cache)
    assert after.sha256 == sha256(content).hexdigest() != before.sha256
    assert read == len(content)


class TestClock:
    def test_what_was_just_written_is_not_kept(self, tmp_path: Path) -> None:
        cache = DigestCache(tmp_path / "digests.sqlite")
        file = checkpoint(tmp_path / "a.safetensors")
        for _ in range(2):
            assert digested([file], cache)[1] == file.path.stat().st_size

    def test_nor_what_comes_from_the_future(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cache = DigestCache(tmp_path / "digests.sqlite")
        file = checkpoint(tmp_path / "a.safetensors")
        monkeypatch.setattr("time.time_ns", lambda: stamp_of(file.path).changed_ns - 10**12)
        for _ in range(2):
            assert digested([file], cache)[1] == file.path.stat().st_size

    def test_later_it_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cache = DigestCache(tmp_path / "digests.sqlite")
        file = checkpoint(tmp_path / "a.safetensors")
        monkeypatch.setattr("time.time_ns", lambda: stamp_of(file.path).changed_ns + 3 * 10**9)
        assert [digested([file], cache)[1] for _ in range(2)] == [file.path.stat().st_size, 0]


class TestChanges:
    def test_before(self, tmp_path: Path, cache: DigestCache) -> None:
        file = checkpoint(tmp_path / "a.safetensors")
        checkpoint(tmp_path / "a.safetensors", seed=1)
        assert codes([file], cache) == ["MC0204"]

    def test_missing(self, tmp_path: Path, cache: DigestCache) -> None:
        file = checkpoint(tmp_path / "a.safetensors")
        file.path.unlink()
        assert codes([file], cache) == ["MC0201"]

    @pytest.mark.parametrize("is_known", [False, True])
    def test_between_start_and_result(self, tmp_path: Path, cache: DigestCache, is_known: bool) -> None:  # noqa: FBT001
        file = checkpoint(tmp_path / "a.safetensors")
        if is_known:
            digested([file], cache)
        with SourceDigests([file], cache) as digests:
            digests.start()
            file.path.write_bytes(b"shorter")
            with pytest.raises(MergecError, match="MC0204"):
                digests.result()

    @pytest.mark.parametrize("change", [b"", b"and more"])
    def test_while_it_is_read(
        self, tmp_path: Path, cache: DigestCache, monkeypatch: pytest.MonkeyPatch, change: bytes
    ) -> None:
        file = checkpoint(tmp_path / "a.safetensors")
        read = os.preadv

        def meanwhile(descriptor: int, buffers: list[memoryview], offset: int) -> int:
            if offset:
                file.path.write_bytes(file.path.read_bytes()[:-9] + change)
            return read(descriptor, buffers, offset)

        monkeypatch.setattr(os, "preadv", meanwhile)
        assert codes([file], cache) == ["MC0204"]
        assert cache.find("file", [str(stamp_of(file.path))]) == {}

    def test_other_rights_are_no_change(self, tmp_path: Path, cache: DigestCache) -> None:
        file = checkpoint(tmp_path / "a.safetensors")
        digested([file], cache)
        with SourceDigests([file], cache) as digests:
            digests.start()
            file.path.chmod(0o600)
            assert digests.result()[0].sha256 == sha256(file.path.read_bytes()).hexdigest()

    def test_nor_while_it_is_read(
        self, tmp_path: Path, cache: DigestCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = checkpoint(tmp_path / "a.safetensors")
        read = os.preadv
        rights = iter([0o600])

        def meanwhile(descriptor: int, buffers: list[memoryview], offset: int) -> int:
            if offset and (given := next(rights, None)) is not None:
                file.path.chmod(given)
            return read(descriptor, buffers, offset)

        monkeypatch.setattr(os, "preadv", meanwhile)
        (digest,), _ = digested([file], cache)
        assert digest.sha256 == sha256(file.path.read_bytes()).hexdigest()

    def test_content_behind_an_old_time_before_it_is_read(
        self, tmp_path: Path, cache: DigestCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Others have read what was there before, and a digest would be of what is there now."""
        file = checkpoint(tmp_path / "a.safetensors")
        status = file.path.stat()
        opened = open_descriptor

        def late(path: Path) -> int:
            swapped_in_place(path, path.read_bytes()[:-4] + b"abcd")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            return opened(path)

        monkeypatch.setattr(module, "open_descriptor", late)
        assert codes([file], cache) == ["MC0204"]

    def test_content_behind_an_old_time_is(self, tmp_path: Path, cache: DigestCache) -> None:
        file = checkpoint(tmp_path / "a.safetensors")
        digested([file], cache)
        with SourceDigests([file], cache) as digests:
            digests.start()
            status = file.path.stat()
            with file.path.open("r+b") as stream:
                stream.seek(-4, os.SEEK_END)
                stream.write(b"abcd")
            os.utime(file.path, ns=(status.st_atime_ns, status.st_mtime_ns))
            with pytest.raises(MergecError, match="MC0204"):
                digests.result()


def test_reading_that_fails(tmp_path: Path, cache: DigestCache, monkeypatch: pytest.MonkeyPatch) -> None:
    file = checkpoint(tmp_path / "a.safetensors")

    def broken(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", broken)
    assert codes([file], cache) == ["MC0202"]


def test_leaving_stops_the_threads(
    tmp_path: Path, cache: DigestCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [checkpoint(tmp_path / f"{n}.safetensors", n) for n in range(4)]
    begun = threading.Event()
    read = os.preadv

    def slow(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        begun.set()
        return read(descriptor, [buffers[0][:1]], offset)

    monkeypatch.setattr(os, "preadv", slow)
    before = threading.active_count()

    def interrupted() -> None:
        with SourceDigests(files, cache, workers=2) as digests:
            digests.start()
            begun.wait()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threading.active_count() == before
    assert cache.find("file", [str(stamp_of(file.path)) for file in files]) == {}


@pytest.mark.parametrize("tampered", ["", "x" * 64 + " ", "a" * 63 + " ", "a" * 64 + " " + "b" * 63])
def test_an_entry_that_is_no_digest_is_not_used(tmp_path: Path, cache: DigestCache, tampered: str) -> None:
    file = checkpoint(tmp_path / "a.safetensors")
    cache.add("file", {str(stamp_of(file.path)): tampered})
    (found,), _ = digested([file], cache)
    assert found.sha256 == sha256(file.path.read_bytes()).hexdigest()
