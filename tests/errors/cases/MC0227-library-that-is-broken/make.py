"""A GGUF file of one tensor, a block of Q8_0, and a library for it that cannot be imported."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def make(folder: Path) -> None:
    tensor = struct.pack("<Q4sIQIQ", 4, b"down", 1, 32, 8, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor
    (folder / "model.gguf").write_bytes(header + bytes(-len(header) % 32) + bytes(34))
    (folder / "gguf.py").write_text("raise ImportError('libggml.so: cannot open shared object file')\n")


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergec.sources.dequantised.version", lambda _: "0.1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "gguf", raising=False)
    monkeypatch.syspath_prepend(Path.cwd())
