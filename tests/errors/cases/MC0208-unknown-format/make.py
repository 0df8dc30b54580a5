from pathlib import Path


def make(folder: Path) -> None:
    (folder / "model.gguf").write_bytes(b"GGUF" + bytes(60))
    (folder / "notes.txt").write_text("weights are elsewhere")
