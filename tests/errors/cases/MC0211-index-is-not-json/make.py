from pathlib import Path


def make(folder: Path) -> None:
    (folder / "weights" / "model.safetensors.index.json").write_text('{"weight_map": {"w": ')
