from pathlib import Path


def make(folder: Path) -> None:
    (folder / "base/README.md").write_text("---\nlicense: apache-2.0\n---\n")
    (folder / "code/README.md").write_text("---\nlicense: other\nlicense_name: llama2\n---\n")
