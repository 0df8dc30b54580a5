import json
from pathlib import Path


def make(folder: Path) -> None:
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
    (folder / "style/adapter_config.json").write_text(json.dumps(config))
