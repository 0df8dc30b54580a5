"""A header of safetensors whose metadata was cut."""

import json
import struct
from pathlib import Path


def make(folder: Path) -> None:
    header = {
        "__metadata__": {"lora_adapter_metadata": '{"unet.lora_alpha": 8,'},
        "unet.x.lora_A.weight": {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]},
        "unet.x.lora_B.weight": {"dtype": "F32", "shape": [6, 2], "data_offsets": [32, 80]},
    }
    text = json.dumps(header).encode()
    (folder / "style.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(80))
