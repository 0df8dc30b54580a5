"""Digests of output tensors, made while their bytes are written.

The digest of a tensor is the BLAKE3 of the BLAKE3s of its chunks, one after another. Chunks count from
the tensor's first byte, so neither tiles nor workers nor shards can change it.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mergec.ir.plan import OutputLayout, PlacedTensor

# Part of the manifest's format: with another size, the same bytes would have another digest.
CHUNK = 1 << 20
_DIGEST = 32


class Read(Protocol):
    """Gives back bytes of the output's files."""

    def __call__(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with what a shard's file holds from `offset` on."""


class TensorDigests:
    """Counts the bytes of every tensor as they are written, and knows its digest when all are there.

    A chunk that lies wholly in one buffer is hashed from there. The others are read back, those of a
    copy at once, while the processor may still hold them, and the rest when the tensor is finished.
    `known` are digests of tensors by number that are only copied, of which nothing needs to be hashed.
    """

    def __init__(self, layout: OutputLayout, read: Read) -> None:
        """Start with nothing written."""
        self._tensors = layout.tensors
        self._read = read
        self._numbers: list[list[int]] = [[] for _ in layout.shards]
        for number, tensor in sorted(enumerate(layout.tensors), key=lambda pair: pair[1].offset):
            if tensor.nbytes:
                self._numbers[tensor.shard].append(number)
        self._offsets = [[layout.tensors[n].offset for n in numbers] for numbers in self._numbers]
        self._lock = threading.Lock()
        self._under_way: dict[int, _Chunks] = {}
        self.known: Mapping[int, str] = {}

    def note_written(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Hash the chunks that lie wholly in a buffer that goes to a shard's file."""
        if len(buffer) < CHUNK:  # it may hold a small tensor; reading that back costs less than looking
            return
        number, tensor = self._tensor_at(shard, offset)
        if number in self.known:
            return
        chunks = self._chunks(number)
        for chunk, start, stop in _whole_chunks(tensor, offset, len(buffer)):
            chunks.put(chunk, buffer[start - offset : stop - offset])

    def note_copied(self, shard: int, offset: int, nbytes: int, scratch: memoryview) -> None:
        """Read back and hash the whole chunks of what the kernel wrote. `scratch` holds a chunk."""
        number, tensor = self._tensor_at(shard, offset)
        if number in self.known:
            return
        chunks = self._chunks(number)
        for chunk, start, stop in _whole_chunks(tensor, offset, nbytes):
            part = scratch[: stop - start]
            self._read(shard, start, part)
            chunks.put(chunk, part)

    def note_done(self, number: int, nbytes: int, scratch: memoryview) -> str | None:
        """Count bytes of a tensor that are all in its file by now; its digest if they were the last."""
        chunks = self._chunks(number)
        with self._lock:
            chunks.bytes_left -= nbytes
            if chunks.bytes_left:
                return None
            del self._under_way[number]
        if number in self.known:
            return self.known[number]
        tensor = self._tensors[number]
        for chunk in chunks.missing():
            start = tensor.offset + chunk * CHUNK
            part = scratch[: min(CHUNK, tensor.offset + tensor.nbytes - start)]
            self._read(tensor.shard, start, part)
            chunks.put(chunk, part)
        return chunks.digest()

    def _tensor_at(self, shard: int, offset: int) -> tuple[int, PlacedTensor]:
        number = self._numbers[shard][bisect_right(self._offsets[shard], offset) - 1]
        return number, self._tensors[number]

    def _chunks(self, number: int) -> _Chunks:
        with self._lock:
            chunks = self._under_way.get(number)
            if chunks is None:
                chunks = self._under_way[number] = _Chunks(self._tensors[number].nbytes)
            return chunks


class _Chunks:
    """The digests of a tensor's chunks as they become known, each from one thread."""

    def __init__(self, nbytes: int) -> None:
        self.bytes_left = nbytes
        count = -(-nbytes // CHUNK)
        self._digests = bytearray(count * _DIGEST)
        self._is_known = bytearray(count)

    def put(self, chunk: int, data: memoryview) -> None:
        self._digests[chunk * _DIGEST : (chunk + 1) * _DIGEST] = blake3(data).digest()
        self._is_known[chunk] = 1

    def missing(self) -> list[int]:
        return [chunk for chunk, is_known in enumerate(self._is_known) if not is_known]

    def digest(self) -> str:
        return blake3(self._digests).hexdigest()


def digest_of(nbytes: int, read: Callable[[int, memoryview], None], buffer: int = CHUNK) -> str:
    """The digest of a tensor; `read` fills a buffer, of so many bytes at most, from a position in it on."""
    scratch = memoryview(bytearray(min(buffer, nbytes)))
    chunks = bytearray()
    for start in range(0, nbytes, CHUNK):
        stop = min(start + CHUNK, nbytes)
        hasher = blake3()
        for at in range(start, stop, buffer):
            part = scratch[: min(buffer, stop - at)]
            read(at, part)
            hasher.update(part)
        chunks += hasher.digest()
    return blake3(chunks).hexdigest()


EMPTY = blake3(b"").hexdigest()
"""The digest of a tensor without elements."""


def _whole_chunks(tensor: PlacedTensor, offset: int, nbytes: int) -> Iterable[tuple[int, int, int]]:
    """(number, start, stop) of a tensor's chunks that lie wholly in a range of the file."""
    end = tensor.offset + tensor.nbytes
    chunk = -(-(offset - tensor.offset) // CHUNK)
    while True:
        start = tensor.offset + chunk * CHUNK
        stop = min(start + CHUNK, end)
        if start >= stop or stop > offset + nbytes:
            return
        yield chunk, start, stop
        chunk += 1
