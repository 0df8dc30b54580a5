from pathlib import Path


def make(folder: Path) -> None:
    (folder / "a" / "config.json").write_text('{"model_type": "llava", "image_token_index": 8}')
    (folder / "b" / "config.json").write_text('{"model_type": "llava"}')
