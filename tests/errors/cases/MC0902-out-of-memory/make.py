import pytest

from mergec import pipeline


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pipeline, "compile_recipe", fail)
