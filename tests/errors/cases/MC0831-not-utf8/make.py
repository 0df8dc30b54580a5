from pathlib import Path


def make(folder: Path) -> None:
    (folder / "base/README.md").write_bytes(b"---\nlicense: \xff\n---\n")
