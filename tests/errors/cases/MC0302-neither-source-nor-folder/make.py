"""A folder whose name is misspelt."""

from pathlib import Path


def make(folder: Path) -> None:
    (folder / "tokenizer").mkdir()
