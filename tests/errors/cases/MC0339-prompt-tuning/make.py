import json
from pathlib import Path


def make(folder: Path) -> None:
    config = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 8}
    (folder / "style/adapter_config.json").write_text(json.dumps(config))
