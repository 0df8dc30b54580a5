import os
from pathlib import Path


def make(folder: Path) -> None:
    os.mkfifo(folder / "base.safetensors")
