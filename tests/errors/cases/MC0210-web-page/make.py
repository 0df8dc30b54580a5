from pathlib import Path


def make(folder: Path) -> None:
    (folder / "base.safetensors").write_text("<!DOCTYPE html>\n<html><body>Please log in</body></html>\n")
