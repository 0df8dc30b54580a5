import warnings
from pathlib import Path

import torch


def make(folder: Path) -> None:
    with warnings.catch_warnings(action="ignore"):
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(2)), folder / "base.pth")  # type: ignore[no-untyped-call]
