"""Files where folders are wanted."""

from pathlib import Path


def make(folder: Path) -> None:
    (folder / "files").mkdir()
    (folder / "files" / "tokenizer.json").write_text("{}")
    (folder / "config.json").write_text("{}")
