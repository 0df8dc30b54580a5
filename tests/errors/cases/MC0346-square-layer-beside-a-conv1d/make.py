import json
from pathlib import Path


def make(folder: Path) -> None:
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "fan_in_fan_out": True}
    (folder / "style/adapter_config.json").write_text(json.dumps(config))
