from __future__ import annotations

from typing import TYPE_CHECKING

from tests.methods.sample_methods import register

if TYPE_CHECKING:
    import pytest


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
