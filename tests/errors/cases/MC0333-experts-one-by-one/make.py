import json
from pathlib import Path


def make(folder: Path) -> None:
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_parameters": ["experts.down_proj"]}
    (folder / "style/adapter_config.json").write_text(json.dumps(config))
