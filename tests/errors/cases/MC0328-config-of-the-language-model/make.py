from pathlib import Path


def make(folder: Path) -> None:
    (folder / "llava" / "config.json").write_text('{"model_type": "llava_llama"}')
    (folder / "language" / "config.json").write_text('{"model_type": "llama"}')
