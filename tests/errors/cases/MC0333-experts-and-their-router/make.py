import json
from pathlib import Path


def make(folder: Path) -> None:
    targets = ["mlp.experts.down_proj", "mlp.gate.weight"]
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_parameters": targets}
    (folder / "style/adapter_config.json").write_text(json.dumps(config))
