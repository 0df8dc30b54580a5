import json
from pathlib import Path


def make(folder: Path) -> None:
    config = {"peft_type": "VERA", "r": 2, "save_projection": False}
    (folder / "style/adapter_config.json").write_text(json.dumps(config))
