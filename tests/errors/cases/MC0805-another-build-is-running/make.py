import fcntl
from pathlib import Path

import pytest


def make(folder: Path) -> None:
    (folder / "out.partial").mkdir()


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    def held(*_: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", held)
