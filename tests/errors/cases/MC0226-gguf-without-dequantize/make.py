"""A GGUF file of one tensor, a block of Q8_0."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def make(folder: Path) -> None:
    tensor = struct.pack("<Q4sIQIQ", 4, b"down", 1, 32, 8, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor
    (folder / "model.gguf").write_bytes(header + bytes(-len(header) % 32) + bytes(34))
