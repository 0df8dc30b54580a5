import pytest

from mergec.cli import check


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(check, "compile_recipe", fail)
