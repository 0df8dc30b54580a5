"""Two folders without weights; the first has no config."""

from pathlib import Path


def make(folder: Path) -> None:
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    (folder / "files").mkdir()
    (folder / "files" / "config.json").write_text("{")
