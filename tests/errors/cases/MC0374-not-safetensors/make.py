from pathlib import Path


def make(folder: Path) -> None:
    (folder / "p.safetensors").write_bytes(b"no permutations at all")
