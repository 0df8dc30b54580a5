from pathlib import Path


def make(folder: Path) -> None:
    (folder / "base" / "config.json").write_text('{"tie_word_embeddings": true}')
