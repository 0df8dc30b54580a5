import json
from pathlib import Path


def make(folder: Path) -> None:
    index: dict[str, object] = {
        "weight_map": {"w": "model-00001-of-00002.safetensors", "ww": "model-00001-of-00002.safetensors"}
    }
    (folder / "weights" / "model.safetensors.index.json").write_text(json.dumps(index))
