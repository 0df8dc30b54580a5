from pathlib import Path


def make(folder: Path) -> None:
    (folder / "a" / "config.json").write_text('{"model_type": "llava", "vision_config": {"hidden_size": 8}}')
