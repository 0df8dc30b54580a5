"""What the tests of the sources share: opening a path, and writing files byte by byte."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Protocol

import pytest

from mergec.diagnostics import Report
from mergec.sources import open_bytes, open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.diagnostics import Diagnostic
    from mergec.sources import Checkpoint


class Open(Protocol):
    """Opens a path that must be a good source."""

    def __call__(self, path: Path, nest: str | None = None) -> Checkpoint: ...


class Refuse(Protocol):
    """Opens a path that must be a bad source, with one error of this code."""

    def __call__(self, path: Path, code: str, nest: str | None = None) -> Diagnostic: ...


class WriteSafetensors(Protocol):
    """Writes a file from a header, as a mapping or as its bytes, and the data."""

    def __call__(self, path: Path, header: Mapping[str, object] | bytes, data: bytes = b"") -> Path: ...


class ReadTensor(Protocol):
    """The bytes of one tensor in row-major order, read through its view."""

    def __call__(self, checkpoint: Checkpoint, name: str) -> bytes: ...


@pytest.fixture(scope="session")
def open_good() -> Open:
    def opened(path: Path, nest: str | None = None) -> Checkpoint:
        report = Report()
        checkpoint = open_checkpoint(path, nest=nest, span=None, report=report)
        assert report.diagnostics == ()
        assert checkpoint is not None
        return checkpoint

    return opened


@pytest.fixture(scope="session")
def refuse() -> Refuse:
    def refused(path: Path, code: str, nest: str | None = None) -> Diagnostic:
        report = Report()
        assert open_checkpoint(path, nest=nest, span=None, report=report) is None
        (found,) = report.diagnostics
        assert found.code == code, found.message
        assert found.help
        assert found.message.isprintable()
        assert found.help.isprintable()
        return found

    return refused


@pytest.fixture(scope="session")
def write_safetensors() -> WriteSafetensors:
    def write(path: Path, header: Mapping[str, object] | bytes, data: bytes = b"") -> Path:
        raw = header if isinstance(header, bytes) else json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
        return path

    return write


@pytest.fixture(scope="session")
def read_tensor() -> ReadTensor:
    def read(checkpoint: Checkpoint, name: str) -> bytes:
        view = checkpoint.tensors[name]
        source = open_bytes(checkpoint.files[view.file])
        try:
            if view.is_contiguous:
                whole = bytearray(view.nbytes)
                source.read_at(view.offset, memoryview(whole))
                return bytes(whole)
            pieces = []
            for index in _indexes(view.shape):
                place = sum(at * stride for at, stride in zip(index, view.strides, strict=True))
                element = bytearray(view.dtype.itemsize)
                source.read_at(view.offset + place * view.dtype.itemsize, memoryview(element))
                pieces.append(bytes(element))
            return b"".join(pieces)
        finally:
            source.close()

    return read


def _indexes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = [()]
    for size in shape:
        found = [(*index, at) for index in found for at in range(size)]
    return found
