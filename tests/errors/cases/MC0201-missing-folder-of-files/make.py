"""A folder beside the one that is meant."""

from pathlib import Path


def make(folder: Path) -> None:
    (folder / "files" / "tokenizer").mkdir(parents=True)
