from pathlib import Path

import pytest
import torch


def make(folder: Path) -> None:
    torch.save({"w": torch.zeros(2)}, folder / "base.pth")


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
