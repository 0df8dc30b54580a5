from pathlib import Path


def make(folder: Path) -> None:
    (folder / "base" / "config.json").write_text('{"model_type": "mistral"}')
