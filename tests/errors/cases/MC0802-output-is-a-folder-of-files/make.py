"""A folder that the output takes files from, and would replace."""

from pathlib import Path


def make(folder: Path) -> None:
    (folder / "files").mkdir()
    (folder / "files" / "config.json").write_text("{}")
