from pathlib import Path

import torch


def make(folder: Path) -> None:
    torch.save({"a": {"b": torch.zeros(2)}, "a.b": torch.ones(2)}, folder / "base.pth")
