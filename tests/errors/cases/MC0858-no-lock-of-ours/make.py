from pathlib import Path


def make(folder: Path) -> None:
    (folder / "recipe.lock").write_text("the lock of another program\n")
