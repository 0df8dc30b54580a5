import json
from pathlib import Path


def make(folder: Path) -> None:
    index: dict[str, object] = {
        "weight_map": {"w": "../secret.safetensors", "v": "/etc/passwd", "u": "C:\\\\x"}
    }
    (folder / "weights" / "model.safetensors.index.json").write_text(json.dumps(index))
