from __future__ import annotations

import pytest

from mergec.schedule import memory


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of a few elements, so that small tensors take many."""
    monkeypatch.setattr(memory, "LARGEST_TILE", 64)
    monkeypatch.setattr(memory, "SMALLEST_TILE", 64)
