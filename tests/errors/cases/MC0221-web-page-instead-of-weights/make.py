from pathlib import Path


def make(folder: Path) -> None:
    (folder / "base.bin").write_text("<!DOCTYPE html><title>404</title>")
