import struct
from pathlib import Path

HEADER = b'{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'


def make(folder: Path) -> None:
    content = struct.pack("<Q", len(HEADER)) + HEADER + bytes(4)
    (folder / "base.safetensors").write_bytes(content)
