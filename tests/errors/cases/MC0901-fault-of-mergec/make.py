import pytest

from mergec.cli import check


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("node 3 has no type")

    monkeypatch.setattr(check, "compile_recipe", fail)
