from pathlib import Path


def make(folder: Path) -> None:
    (folder / "style/adapter_config.json").write_text('{"peft_type": "LORA", "r": 2, "lora_alpha": NaN}')
