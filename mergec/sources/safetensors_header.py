"""The header of a safetensors file, read strictly: what is not exactly right is refused."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, safe
from mergec.ir.dtype import BY_CODE, DType
from mergec.ir.strided_view import StridedView, row_major_strides
from mergec.sources.checkpoint import WeightFile
from mergec.sources.errors import GitLfsPointer, MalformedSafetensors
from mergec.sources.open_file import identity_of, opened, read_exactly
from mergec.sources.sniff import FIRST_BYTES, LFS_POINTER, what_it_looks_like
from mergec.sources.strict_json import JsonError, parse_object

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.ir.strided_view import Shape

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # the limit of the safetensors library, for readers and writers
_METADATA = "__metadata__"
_FIELDS = frozenset({"dtype", "shape", "data_offsets"})
_LARGEST = 2**64 - 1  # the library counts in 64 bits; a header that it cannot hold is no header
_DEEPEST = 125  # of a field's value, so that the whole stays within the library's limit of 127

Tensors = dict[str, StridedView]
Metadata = dict[str, str]
_Region = tuple[int, int, str]


class HeaderError(ValueError):
    """Why a header is refused, as a clause for a message."""


def read_header(path: Path, file_index: int = 0) -> tuple[Tensors, Metadata]:
    """The tensors of the file at `path`, as views into file number `file_index`, and its metadata.

    Raises:
        MergecError: the file cannot be read, or is not a valid safetensors file.
    """
    file, tensors = open_safetensors(path, file_index)
    return tensors, dict(file.metadata)


def open_safetensors(path: Path, file_index: int = 0) -> tuple[WeightFile, Tensors]:
    """The file at `path` as it is now, and its tensors as views into file number `file_index`.

    Raises:
        MergecError: the file cannot be read, or is not a valid safetensors file.
    """
    with opened(path) as descriptor:
        identity = identity_of(descriptor)
        size = identity.size
        start = read_exactly(descriptor, min(size, FIRST_BYTES), 0, path)
        if start and LFS_POINTER.startswith(start[:_LENGTH_BYTES]):
            raise MergecError([GitLfsPointer(path=str(path), help="run `git lfs pull` in the clone")])
        try:
            length = _header_length(start[:_LENGTH_BYTES], size)
            raw = read_exactly(descriptor, length, _LENGTH_BYTES, path)
            tensors, metadata = _parse(raw, size - _LENGTH_BYTES - length, file_index)
        except (HeaderError, JsonError) as error:
            raise MergecError([_malformed(path, str(error), start)]) from error
    return WeightFile(path, identity, metadata=metadata), tensors


def _malformed(path: Path, reason: str, start: bytes) -> MalformedSafetensors:
    advice = "fetch the file again; if it stays so, the program that wrote it is at fault"
    if start[_LENGTH_BYTES : _LENGTH_BYTES + 1] != b"{":
        reason, advice = what_it_looks_like(start) or (reason, advice)
    return MalformedSafetensors(path=str(path), reason=reason, help=advice)


def _header_length(start: bytes, size: int) -> int:
    if len(start) < _LENGTH_BYTES:
        raise HeaderError(f"it has {size} bytes, too few for a header")
    length = int.from_bytes(start, "little")
    if length > _LONGEST_HEADER:
        raise HeaderError(f"it claims a header of {length} bytes, and {_LONGEST_HEADER} is the limit")
    if _LENGTH_BYTES + length > size:
        raise HeaderError(f"it claims a header of {length} bytes, but the file has {size} in all")
    return length


def _parse(raw: bytes, data_size: int, file_index: int) -> tuple[Tensors, Metadata]:
    """The tensors and the metadata of a header whose tensors must fill `data_size` bytes exactly."""
    entries = parse_object(raw)
    metadata = _metadata(entries.pop(_METADATA, None))
    data_start = _LENGTH_BYTES + len(raw)
    shapes: dict[Shape, Shape] = {}  # layers repeat their shapes: one tuple serves all of them
    regions: list[_Region] = []
    tensors: Tensors = {}
    for name, entry in entries.items():
        try:
            dtype, shape, begin, end = _entry(entry)
        except HeaderError as error:
            raise HeaderError(f"tensor `{safe(name)}`: {error}") from None
        shape = shapes.setdefault(shape, shape)
        regions.append((begin, end, name))
        tensors[name] = StridedView(file_index, data_start + begin, dtype, shape, row_major_strides(shape))
    _check_tiling(regions, data_size)
    return tensors, metadata


def _metadata(raw: object) -> Metadata:
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise HeaderError(f"`{_METADATA}` must map text to text")
    return raw


def _entry(entry: object) -> tuple[DType, Shape, int, int]:
    """The dtype, the shape and the byte range of one tensor, in agreement with each other."""
    if not isinstance(entry, dict):
        raise HeaderError("its description is not a JSON object")
    try:
        code, dims, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    except KeyError as error:
        raise HeaderError(f"it has no {error}") from None
    if len(entry) > len(_FIELDS):
        _check_other_fields(entry)
    dtype = BY_CODE.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise HeaderError(f"unknown dtype `{safe(code)}`")
    if not _are_sizes(dims):
        raise HeaderError("`shape` must be a list of whole numbers from 0 up")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise HeaderError("`data_offsets` must be two whole numbers from 0 up")
    begin, end = offsets
    bits = prod(dims) * dtype.bits
    if bits % 8:
        raise HeaderError(f"{prod(dims)} elements of {dtype.code} do not fill whole bytes")
    if end - begin != bits >> 3:
        raise HeaderError(f"shape and dtype make {bits >> 3} bytes, but `data_offsets` span {end - begin}")
    if not bits:
        _check_empty(dims, dtype)
    return dtype, tuple(dims), begin, end


def _are_sizes(value: object) -> bool:
    # `type() is int`, because True is an int to isinstance and a tensor of shape [true] is none.
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _check_empty(dims: list[int], dtype: DType) -> None:
    """Refuse sizes beside a 0 that overflow the library's count before the 0 makes it small."""
    count = 1
    for number in dims:
        count *= number
        if number > _LARGEST or count > _LARGEST:
            raise HeaderError("its sizes are too large")
    if count * dtype.bits > _LARGEST:
        raise HeaderError("its sizes are too large")


def _check_other_fields(entry: dict[str, object]) -> None:
    """The library skips fields that it does not know, however they nest, up to its limit."""
    layer = [value for key, value in entry.items() if key not in _FIELDS]
    for _ in range(_DEEPEST):
        layer = [inner for value in layer for inner in _inside(value)]
        if not layer:
            return
    raise HeaderError("it nests too deeply")


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_tiling(regions: list[_Region], data_size: int) -> None:
    """The tensors must lie one after another, from the first byte of the data to the last."""
    regions.sort()
    expected, before = 0, ""
    for begin, end, name in regions:
        if begin != expected:
            what = "leaves a hole before it" if begin > expected else f"overlaps `{safe(before)}`"
            raise HeaderError(f"tensor `{safe(name)}` {what}: it begins at byte {begin}, not {expected}")
        expected, before = end, name
    if expected > data_size:
        raise HeaderError(f"the tensors need {expected} bytes, but only {data_size} follow the header")
    if expected < data_size:
        raise HeaderError(f"{data_size - expected} bytes follow the last tensor")
