from pathlib import Path


def make(folder: Path) -> None:
    config = '{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_dora": true}'
    (folder / "style" / "adapter_config.json").write_text(config)
