"""A GGUF file of one tensor, a block of Q8_0."""

from __future__ import annotations

import struct
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def make(folder: Path) -> None:
    tensor = struct.pack("<Q4sIQIQ", 4, b"down", 1, 32, 8, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor
    (folder / "model.gguf").write_bytes(header + bytes(-len(header) % 32) + bytes(34))


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> NoReturn:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("mergec.sources.dequantised.version", version)
