from pathlib import Path


def make(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(f"mergec: 1  # {'-' * 2**20}\n")
