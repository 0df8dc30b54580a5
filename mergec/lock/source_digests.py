"""SHA-256 digests of the files that a recipe reads, computed in the background or known from before."""

from __future__ import annotations

import os
import re
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Self

from mergec.diagnostics import MergecError
from mergec.lock.file_stamp import FileStamp, stamp_of
from mergec.sources.open_file import changed, open_descriptor, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from mergec.lock.digest_cache import DigestCache
    from mergec.sources.checkpoint import FileIdentity

_KIND = "file"
_BLOCK = 1 << 20
_LENGTH_BYTES = 8
_KNOWN = re.compile(r"([0-9a-f]{64}) ([0-9a-f]{64})?")
# How often a file is read anew that somebody gives other rights, links or names meanwhile.
_TRIES = 3


class ReadFile(NamedTuple):
    """A file to digest; `identity` is what it was when its header was read, if it has been."""

    path: Path
    identity: FileIdentity | None = None


class FileDigest(NamedTuple):
    """What a file holds. `header` is the SHA-256 of a safetensors header with its length, None for others."""

    size: int
    sha256: str
    header: str | None


class SourceDigests:
    """Digests of files, computed by threads beside whatever else is done. A context: leaving it stops them.

    A file whose digest is in the cache is not read; one that two paths lead to is read once.
    """

    def __init__(
        self,
        files: Iterable[ReadFile],
        cache: DigestCache,
        workers: int = 0,
        progress: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        """Digest these files with `workers` threads (0: one per processor).

        `progress` is called from the threads, with the bytes that were read since its last call.
        """
        self._files = tuple(files)
        self._cache = cache
        self._workers = workers or os.cpu_count() or 1
        self._progress = progress
        self._stamps: list[FileStamp] = []
        self._known: dict[FileStamp, FileDigest] = {}
        self._pending: dict[FileStamp, Future[FileDigest]] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> int:
        """Begin; the number of bytes that have to be read.

        Raises:
            MergecError: a file is missing, or not the one whose header was read.
        """
        self._stamps = [_stamp(file) for file in self._files]
        wanted = dict(zip(self._stamps, self._files, strict=True))
        self._known = _known(wanted, self._cache)
        unknown = {stamp: file for stamp, file in wanted.items() if stamp not in self._known}
        if unknown:
            self._threads = ThreadPoolExecutor(min(self._workers, len(unknown)), "mergec-digests")
            # The largest first, so that no thread is left with it at the end.
            for stamp in sorted(unknown, key=lambda stamp: -stamp.size):
                self._pending[stamp] = self._threads.submit(self._digest, unknown[stamp], stamp)
        return sum(stamp.size for stamp in unknown)

    @property
    def is_known(self) -> bool:
        """Whether nothing had to be read: `result` returns at once."""
        return not self._pending

    def result(self) -> list[FileDigest]:
        """The digests, in the order of the files, once all are there; begins now if `start` did not.

        Raises:
            MergecError: a file cannot be read, or changed since its header was read.
        """
        if not self._stamps:
            self.start()
        try:
            self._known.update({stamp: future.result() for stamp, future in self._pending.items()})
            self._pending = {}
            return [self._checked(file, stamp) for file, stamp in zip(self._files, self._stamps, strict=True)]
        finally:
            self.stop()

    def stop(self) -> None:
        """End the threads, done or not."""
        self._stopped.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None

    def _checked(self, file: ReadFile, stamp: FileStamp) -> FileDigest:
        """The digest, if the path still leads to a file with it."""
        now = _stamp(file)
        digest = self._known[stamp]
        # Where somebody gave it other rights or another name, only its content can tell.
        if now != stamp and (not now.is_of(stamp.identity) or self._digest(file) != digest):
            raise _written_to(file)
        return digest

    def _digest(self, file: ReadFile, stamp: FileStamp | None = None) -> FileDigest:
        """The digest of a file, which may get other rights, links or names while it is read.

        What was done to it between `stamp` and the first byte that is read here, nobody can tell: others have
        read it by then, and may have read something else.
        """
        first: FileDigest | None = None
        descriptor = open_descriptor(file.path)
        try:
            for number in range(_TRIES):
                before = stamp_of(descriptor)
                is_other = number == 0 and stamp not in {None, before}
                if is_other or (file.identity is not None and not before.is_of(file.identity)):
                    break
                digest = self._read(descriptor, before.size)
                first = first or digest
                if digest is None or digest != first:
                    break
                if stamp_of(descriptor) == before:
                    if before.is_settled(time.time_ns()):
                        self._cache.add(_KIND, {str(before): f"{digest.sha256} {digest.header or ''}"})
                    return digest
        except OSError as error:
            raise MergecError([why_not(file.path, error)]) from error
        finally:
            os.close(descriptor)
        raise _written_to(file)

    def _read(self, descriptor: int, size: int) -> FileDigest | None:
        """The digest of so many bytes; None where there are fewer or more."""
        whole, header = sha256(), sha256()
        buffer = memoryview(bytearray(_BLOCK))
        at, header_end = 0, 0
        while count := os.preadv(descriptor, [buffer], at):
            if self._stopped.is_set():
                raise CancelledError
            block = buffer[:count]
            whole.update(block)
            if at == 0:
                header_end = _end_of_header(block, size)
            if at < header_end:
                header.update(block[: header_end - at])
            at += count
            self._progress(count)
        if at != size:
            return None
        return FileDigest(size, whole.hexdigest(), header.hexdigest() if header_end else None)


def known_digests(files: Sequence[ReadFile], cache: DigestCache) -> list[FileDigest | None]:
    """The digest of each file, None where it would have to be read.

    Raises:
        MergecError: a file is missing, or not the one whose header was read.
    """
    stamps = [_stamp(file) for file in files]
    known = _known(stamps, cache)
    return [known.get(stamp) for stamp in stamps]


def _known(stamps: Iterable[FileStamp], cache: DigestCache) -> dict[FileStamp, FileDigest]:
    wanted = list(stamps)
    found = cache.find(_KIND, map(str, wanted))
    digests = {stamp: _parsed(stamp.size, found.get(str(stamp), "")) for stamp in wanted}
    return {stamp: digest for stamp, digest in digests.items() if digest is not None}


def _stamp(file: ReadFile) -> FileStamp:
    try:
        stamp = stamp_of(file.path)
    except OSError as error:
        raise MergecError([why_not(file.path, error)]) from error
    if file.identity is not None and not stamp.is_of(file.identity):
        raise _written_to(file)
    return stamp


def _written_to(file: ReadFile) -> MergecError:
    return MergecError([changed(file.path, "it was written to")])


def _end_of_header(start: memoryview, size: int) -> int:
    """Where the header of a safetensors file ends; 0 for a file of another format."""
    end = _LENGTH_BYTES + int.from_bytes(start[:_LENGTH_BYTES], "little")
    is_header = bytes(start[_LENGTH_BYTES : _LENGTH_BYTES + 1]) == b"{" and end <= size
    return end if is_header else 0


def _parsed(size: int, text: str) -> FileDigest | None:
    """A digest as the cache holds it; None for anything else."""
    found = _KNOWN.fullmatch(text)
    return None if found is None else FileDigest(size, found[1], found[2])
