"""The header of a GGUF file: where its tensors lie. Nothing is mapped, and no weight is read.

The format is that of ggml: a magic, a version, counts, keys with typed values, a description of each
tensor, and the tensors, aligned. All numbers are little endian.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import MergecError, safe
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.sources.checkpoint import WeightFile
from mergec.sources.gguf_types import BLOCKS, PLAIN
from mergec.sources.open_file import identity_of, opened, read_exactly
from mergec.sources.quantised_errors import MalformedGguf
from mergec.sources.sniff import GGUF_MAGIC

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.ir.strided_view import Shape

_VERSIONS = (2, 3)
_LARGEST_HEADER = 256 << 20  # vocabularies and chat templates lie in it
_CHUNK = 1 << 20
_MOST_TENSORS = 1 << 20
_MOST_AXES = 8
_ALIGNMENT_KEY = "general.alignment"
_ALIGNMENT = 32
# The sizes of values by the number of their type; of texts and lists the length says more.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _TEXT, _LIST = 4, 8, 9
_DEEPEST = 8


class GgufTensor(NamedTuple):
    """A tensor: its bytes as they lie in the file, its dense shape, and its block type, if it has one.

    The bytes of blocks are seen as uint8, with the dense shape but for the last axis.
    """

    view: StridedView
    shape: Shape
    block_type: int | None


class _HeaderError(ValueError):
    """Why a header is refused, as a clause."""


class _Cursor:
    """Bytes of a file one after another, read in large pieces."""

    def __init__(self, descriptor: int, size: int, path: Path) -> None:
        self._descriptor, self._size, self._path = descriptor, size, path
        self._piece, self._start = b"", 0
        self.at = 0

    def take(self, count: int) -> bytes:
        if count > min(self._size, _LARGEST_HEADER) - self.at:
            raise _HeaderError(f"its header goes past byte {min(self._size, _LARGEST_HEADER)}")
        begin = self.at - self._start
        if begin + count > len(self._piece):
            length = min(max(count, _CHUNK), self._size - self.at)
            self._piece = read_exactly(self._descriptor, length, self.at, self._path)
            self._start, begin = self.at, 0
        self.at += count
        return self._piece[begin : begin + count]

    def number(self, form: str) -> int:
        """One number of a struct format."""
        (value,) = struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))
        return int(value)

    def text(self) -> str:
        try:
            return self.take(self.number("Q")).decode()
        except UnicodeDecodeError:
            raise _HeaderError("a name in it is not UTF-8") from None

    def skip_value(self, kind: int, depth: int = 0) -> None:
        """Go past a value of a type."""
        if kind in _SIZES:
            self.take(_SIZES[kind])
        elif kind == _TEXT:
            self.take(self.number("Q"))
        elif kind == _LIST and depth < _DEEPEST:
            inner, count = self.number("I"), self.number("Q")
            if inner in _SIZES:
                self.take(_SIZES[inner] * count)
                return
            for _ in range(count):
                self.skip_value(inner, depth + 1)
        else:
            raise _HeaderError(f"it has a value of the unknown type {kind}")


def open_gguf(path: Path, file_index: int = 0) -> tuple[WeightFile, dict[str, GgufTensor]]:
    """The file at `path` as it is now, and its tensors as views into file number `file_index`.

    Axes are in the order of PyTorch, the slowest first: the format has them the other way round.

    Raises:
        MergecError: the file cannot be read, or is not a valid GGUF file (MC0230).
    """
    with opened(path) as descriptor:
        identity = identity_of(descriptor)
        try:
            tensors = _read(_Cursor(descriptor, identity.size, path), identity.size, file_index)
        except _HeaderError as error:
            raise MergecError([MalformedGguf(path=str(path), reason=str(error))]) from error
    return WeightFile(path, identity), tensors


def _read(cursor: _Cursor, size: int, file_index: int) -> dict[str, GgufTensor]:
    if cursor.take(len(GGUF_MAGIC)) != GGUF_MAGIC:
        raise _HeaderError("it does not begin with `GGUF`")
    version = cursor.number("I")
    if version not in _VERSIONS:
        raise _HeaderError(f"its version is {version}, and mergec reads {_VERSIONS[0]} and {_VERSIONS[1]}")
    n_tensors, n_keys = cursor.number("Q"), cursor.number("Q")
    if n_tensors > _MOST_TENSORS:
        raise _HeaderError(f"it claims {n_tensors} tensors")
    alignment = _alignment(cursor, n_keys)
    described = [_description(cursor) for _ in range(n_tensors)]
    start = -(-cursor.at // alignment) * alignment
    tensors: dict[str, GgufTensor] = {}
    for name, shape, kind, offset in described:
        if name in tensors:
            raise _HeaderError(f"it has two tensors `{safe(name)}`")
        if offset % alignment:
            raise _HeaderError(f"tensor `{safe(name)}` does not begin at a multiple of {alignment} bytes")
        tensors[name] = _tensor(name, shape, kind, start + offset, file_index)
        if start + offset + tensors[name].view.nbytes > size:
            raise _HeaderError(f"tensor `{safe(name)}` goes past the end of the file")
    return tensors


def _alignment(cursor: _Cursor, n_keys: int) -> int:
    """Go past the keys; the alignment that they give."""
    alignment = _ALIGNMENT
    for _ in range(n_keys):
        key, kind = cursor.text(), cursor.number("I")
        if key == _ALIGNMENT_KEY and kind == _UINT32:
            alignment = cursor.number("I")
        else:
            cursor.skip_value(kind)
    if alignment <= 0 or alignment & (alignment - 1):
        raise _HeaderError(f"its alignment is {alignment}, which is no power of two")
    return alignment


def _description(cursor: _Cursor) -> tuple[str, Shape, int, int]:
    name = cursor.text()
    n_axes = cursor.number("I")
    if n_axes > _MOST_AXES:
        raise _HeaderError(f"tensor `{safe(name)}` has {n_axes} axes")
    sizes = tuple(cursor.number("Q") for _ in range(n_axes))
    return name, sizes[::-1], cursor.number("I"), cursor.number("Q")


def _tensor(name: str, shape: Shape, kind: int, offset: int, file_index: int) -> GgufTensor:
    if kind in PLAIN:
        return GgufTensor(StridedView.contiguous(file_index, offset, PLAIN[kind], shape), shape, None)
    block = BLOCKS.get(kind)
    if block is None:
        raise _HeaderError(f"tensor `{safe(name)}` is of the unknown type {kind}")
    if not shape or shape[-1] % block.values:
        sizes = f"{list(shape)} cannot be divided into blocks of {block.values}"
        raise _HeaderError(f"tensor `{safe(name)}` of {block.name}: {sizes}")
    packed = (*shape[:-1], shape[-1] // block.values * block.nbytes)
    return GgufTensor(StridedView.contiguous(file_index, offset, DType.U8, packed), shape, kind)
